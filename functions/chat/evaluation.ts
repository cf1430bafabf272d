/** How well `toolChoice: "auto"` tells which tool a message asks for, and whether it asks for any. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { NEAR, nearestTool, type Tool } from './tools.ts'

interface Row {
  services?: string[]
  turns?: { role: string; content: string }[]
  question?: string
}

/** A tool for each kind of service of dialogue.train and dialogue.dev, in the words of somebody who has not read them. */
const DESCRIPTIONS: Record<string, string> = {
  Alarm: 'Shows and sets alarms',
  Banks: 'Shows the balance of a bank account and transfers money',
  Buses: 'Finds bus trips and buys bus tickets',
  Calendar: 'Shows and adds appointments in the calendar',
  Events: 'Finds concerts, games and other events and buys tickets',
  Flights: 'Finds flights and books plane tickets',
  Homes: 'Finds apartments and houses to rent or buy',
  Hotels: 'Finds hotels and books rooms',
  Media: 'Finds movies and shows to watch online',
  Movies: 'Finds movies in cinemas and buys tickets',
  Music: 'Finds songs and plays music',
  RentalCars: 'Finds and reserves rental cars',
  Restaurants: 'Finds restaurants and reserves tables',
  RideSharing: 'Calls a taxi or a cab',
  Services: 'Finds doctors, dentists and hair stylists and books appointments',
  Trains: 'Finds trains and buys train tickets',
  Travel: 'Finds attractions and sights in a city',
  Weather: 'Tells the weather forecast of a place',
}
const tools: Tool[] = Object.entries(DESCRIPTIONS).map(([name, description]) => ({
  name,
  description,
  parameters: {},
}))
/** Cosines to show beside the one that is used. */
const THRESHOLDS = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
/** Messages of each file. */
const MOST = 600

export const evaluation: Evaluation<Row> = {
  name: 'tools',
  model: 'embed',
  data: ['dialogue.dev', 'dialogue.train', 'qa.dev'],
  about: `Which of ${tools.length} tools the first words of a dialogue ask for, and questions of qa.dev that ask for none, by the cosine from which on toolChoice "auto" calls (${NEAR} is used). In percent: the right tool called, a wrong one, none; and none for questions.`,
  async *run(_, runtime, files) {
    const context = { runtime, signal: new AbortController().signal }
    const asking = (rows: Row[]) =>
      rows
        .filter(({ services }) => services!.length === 1 && services![0]!.split('_')[0]! in DESCRIPTIONS)
        .slice(0, MOST)
        .map(({ services, turns }) => ({ text: turns![0]!.content, gold: services![0]!.split('_')[0] }))
    const messages = {
      train: asking(files['dialogue.train']!),
      dev: asking(files['dialogue.dev']!),
      none: files['qa.dev']!.slice(0, MOST).map(({ question }) => ({ text: question!, gold: undefined })),
    }
    const found: Record<string, { right: boolean; near: number }[]> = {}
    let done = 0
    for (const [set, all] of Object.entries(messages)) {
      found[set] = []
      for (const { text, gold } of all) {
        const { tool, near } = await nearestTool(tools, text, context)
        found[set].push({ right: tool.name === gold, near })
        yield ++done
      }
    }
    const share = (set: string, is: (one: { right: boolean; near: number }) => boolean) =>
      (100 * found[set]!.filter(is).length) / found[set]!.length
    return THRESHOLDS.map((threshold) => ({
      cosine: String(threshold),
      trainRight: share('train', ({ right, near }) => right && near >= threshold),
      right: share('dev', ({ right, near }) => right && near >= threshold),
      wrong: share('dev', ({ right, near }) => !right && near >= threshold),
      none: share('dev', ({ near }) => near < threshold),
      questions: share('none', ({ near }) => near < threshold),
    }))
  },
  headlines: (table) => [
    {
      measure: 'right tool called, of messages that ask for one',
      value: figure(table, String(NEAR), 'right'),
    },
    {
      measure: 'no tool called, of questions that ask for none',
      value: figure(table, String(NEAR), 'questions'),
    },
  ],
}
