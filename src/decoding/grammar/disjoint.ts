/** Whether two JSON schemas can be seen to allow no common value: what oneOf needs, to be as easy as anyOf. */
import type { Schema } from './schema.ts'

export const typesOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'array'
      : typeof value === 'number'
        ? Number.isInteger(value)
          ? 'integer'
          : 'number'
        : typeof value

/** @param resolve follows $ref */
export function areDisjoint(
  a: Schema | boolean,
  b: Schema | boolean,
  resolve: (schema: Schema) => Schema | boolean,
  depth = 4,
): boolean {
  if (a === false || b === false) return true
  if (a === true || b === true || depth === 0) return false
  if (a.$ref !== undefined || b.$ref !== undefined)
    return areDisjoint(
      a.$ref === undefined ? a : resolve(a),
      b.$ref === undefined ? b : resolve(b),
      resolve,
      depth - 1,
    )
  const disjoint = (x: Schema | boolean, y: Schema | boolean) => areDisjoint(x, y, resolve, depth - 1)
  for (const [x, y] of [
    [a, b],
    [b, a],
  ] as const) {
    const options = x.anyOf ?? x.oneOf
    if (options) return options.every((option) => disjoint(option, y))
  }

  const values = (schema: Schema) => ('const' in schema ? [schema.const] : schema.enum)
  const [valuesA, valuesB] = [values(a), values(b)]
  if (valuesA && valuesB) {
    const known = new Set(valuesA.map((value) => JSON.stringify(value)))
    // Objects may be equal with their keys in another order.
    const plain = [...valuesA, ...valuesB].every((value) => typeof value !== 'object' || value === null)
    return plain && !valuesB.some((value) => known.has(JSON.stringify(value)))
  }
  const types = (schema: Schema, own: unknown[] | undefined): string[] | undefined =>
    own ? own.map(typesOf) : schema.type === undefined ? undefined : [schema.type].flat()
  const [typesA, typesB] = [types(a, valuesA), types(b, valuesB)]
  if (!typesA || !typesB) return false
  const numeric = (type: string) => (type === 'integer' ? 'number' : type)
  // An integer is a number, but a number that an enum lists may not be an integer.
  const common = typesA.filter((x) =>
    typesB.some((y) =>
      x === y
        ? true
        : numeric(x) === numeric(y) && !(valuesA && x === 'number') && !(valuesB && y === 'number'),
    ),
  )
  if (common.length === 0) return true
  if (common.some((type) => type !== 'object') || valuesA || valuesB) return false
  // Objects: a property that both must have, and which cannot be the same in both.
  const required = (a.required ?? []).filter((name) => b.required?.includes(name))
  if (required.some((name) => disjoint(a.properties?.[name] ?? true, b.properties?.[name] ?? true)))
    return true
  // Or one that one must have and the other cannot.
  const lacks = (x: Schema, y: Schema) =>
    (x.required ?? []).some(
      (name) => y.additionalProperties === false && !Object.hasOwn(y.properties ?? {}, name),
    )
  return lacks(a, b) || lacks(b, a)
}
