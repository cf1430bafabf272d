/** Scores as bars, for a terminal. */

interface Scored {
  label: string
  scores: Record<string, number>
}

const WIDTH = 30

/** Results with scores as bars under their texts; any other answer as indented JSON. */
export function barChart(answer: Record<string, unknown>, texts: string[]): string {
  const results = answer.results as Scored[] | undefined
  if (!results?.every(({ scores }) => scores)) return JSON.stringify(answer, null, 2)
  return results
    .map(({ label, scores }, i) =>
      [
        texts.length > 1 ? `${texts[i]}\n${label}` : label,
        ...Object.entries(scores).map(([name, score]) => {
          const filled = Math.round(score * WIDTH)
          const bar = '█'.repeat(filled) + '·'.repeat(WIDTH - filled)
          return `  ${name.padEnd(10)} ${bar} ${(score * 100).toFixed(1).padStart(5)} %`
        }),
      ].join('\n'),
    )
    .join('\n\n')
}
