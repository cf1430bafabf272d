/** How well chat tells what it is asked: which tool, if any, and whether it is something that the model knows of. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { surpriseOf } from './conversation.ts'
import { UNFAMILIAR } from './function.ts'
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
const TOOLS: Tool[] = Object.entries(DESCRIPTIONS).map(([name, description]) => ({
  name,
  description,
  parameters: {},
}))
/** Cosines to show beside the one that is used. */
const THRESHOLDS = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
/** Messages of each file. */
const MOST = 600

export const tools: Evaluation<Row> = {
  name: 'tools',
  model: 'embed',
  data: ['dialogue.dev', 'dialogue.train', 'qa.dev'],
  about: `Which of ${TOOLS.length} tools the first words of a dialogue ask for, and questions of qa.dev that ask for none, by the cosine from which on toolChoice "auto" calls (${NEAR} is used). In percent: the right tool called, a wrong one, none; and none for questions.`,
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
        const { tool, near } = await nearestTool(TOOLS, text, context)
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

/** Surprises to show beside the one that is used, in nats a token. */
const SURPRISES = [4, 4.25, 4.5, 4.75, 5, 5.25, 5.5]

export const unfamiliar: Evaluation<Row> = {
  name: 'unfamiliar',
  model: 'chat',
  data: ['dialogue.dev', 'qa.dev', 'dialogue.train', 'qa.train'],
  about: `How many messages are told to be unlike what the model was trained on, in percent, by the surprise from which on they are (nats a token; ${UNFAMILIAR} is used): the first words of dialogues, which should not be, and questions about texts, which should; "train": those of dialogue.train and qa.train, by which the figure was chosen.`,
  async *run(_, runtime, files) {
    const { signal } = new AbortController()
    const generator = await runtime.generator('chat', signal)
    const surprises: Record<string, number[]> = {}
    let done = 0
    for (const [file, rows] of Object.entries(files)) {
      surprises[file] = []
      for (const { turns, question } of rows.slice(0, MOST)) {
        surprises[file].push(await surpriseOf(generator, turns ? turns[0]!.content : question!, signal))
        yield ++done
      }
    }
    return SURPRISES.map((least) => {
      const above = (file: string) =>
        (100 * surprises[file]!.filter((surprise) => surprise > least).length) / surprises[file]!.length
      return {
        surprise: String(least),
        dialogues: above('dialogue.dev'),
        questions: above('qa.dev'),
        trainDialogues: above('dialogue.train'),
        trainQuestions: above('qa.train'),
      }
    })
  },
  headlines: (table) => [
    { measure: 'questions told to be unfamiliar', value: figure(table, String(UNFAMILIAR), 'questions') },
    {
      measure: 'dialogues told to be unfamiliar',
      value: figure(table, String(UNFAMILIAR), 'dialogues'),
      lower: true,
    },
  ],
}
