/** `format` as patterns: each a part of its format, without what a regular expression cannot tell (31 days, leap years). */

const date = '\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\\d|2[0-8])'
const time = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-](0\\d|1[0-4]):[0-5]\\d)'
const byte = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const label = '[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?'

export const FORMATS: Record<string, string> = {
  date: `^${date}$`,
  time: `^${time}$`,
  'date-time': `^${date}T${time}$`,
  uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
  email: `^[A-Za-z0-9_]+([.+-][A-Za-z0-9_]+)*@(${label}\\.)+[a-z]{2,24}$`,
  hostname: `^${label}(\\.${label}){0,3}$`,
  ipv4: `^${byte}(\\.${byte}){3}$`,
  uri: `^https?://${label}(\\.${label}){0,3}(/[A-Za-z0-9._~-]+)*/?$`,
}
