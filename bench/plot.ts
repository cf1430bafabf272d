/** Line and scatter plots as SVG: logarithmic axes, a white ground that reads in light and dark pages alike. */

export interface Axis {
  label: string
  /** What is labelled; also the ends of the axis, unless `from` and `to` reach further. */
  ticks: number[]
  from?: number
  to?: number
  /** Of a tick; absent means the number itself. */
  format?: (value: number) => string
}

export interface Series {
  name: string
  colour: keyof typeof COLOURS
  points: [x: number, y: number][]
  /** Absent: marks only. */
  line?: 'solid' | 'dashed'
  /** Absent: a line only. */
  mark?: 'circle' | 'square' | 'triangle' | 'ring'
  /** Written above a place, or along the line there, instead of an entry in the legend. */
  label?: { text: string; at: [x: number, y: number]; angle?: 'along'; anchor?: 'start' | 'middle' | 'end' }
}

export interface Panel {
  title: string
  x: Axis
  y: Axis
  series: Series[]
  /** Words in the middle of a place. */
  notes?: { text: string; at: [x: number, y: number] }[]
  /** Absent: at the top left. */
  legend?: 'bottom right'
}

/** Okabe and Ito's colours, which colour-blind readers tell apart (https://jfly.uni-koeln.de/color/). */
const COLOURS = {
  blue: '#0072b2',
  orange: '#d55e00',
  green: '#009e73',
  purple: '#aa4499',
  grey: '#666666',
  black: '#222222',
} as const

const MARGIN = { top: 40, right: 28, bottom: 50, left: 62 }
const [LEGEND_LINE, LEGEND_WIDTH] = [18, 210]

/** Panels side by side, `columns` in a row, each of `width` x `height` pixels. */
export function plot(panels: Panel[], columns: number, width: number, height: number): string {
  const rows = Math.ceil(panels.length / columns)
  const [totalWidth, totalHeight] = [columns * width, rows * height]
  const drawn = panels.map((panel, i) => {
    const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height]
    return `<g transform="translate(${x} ${y})">\n${drawPanel(panel, width, height)}\n</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${totalWidth} ${totalHeight}" width="${totalWidth}" height="${totalHeight}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<title>${panels.map(({ title }) => escaped(title)).join('; ')}</title>
<rect width="${totalWidth}" height="${totalHeight}" fill="#fff"/>
${drawn.join('\n')}
</svg>
`
}

function drawPanel(
  { title, x, y, series, notes = [], legend }: Panel,
  width: number,
  height: number,
): string {
  const inner = {
    left: MARGIN.left,
    right: width - MARGIN.right,
    top: MARGIN.top,
    bottom: height - MARGIN.bottom,
  }
  const toX = logScale(x, inner.left, inner.right)
  const toY = logScale(y, inner.bottom, inner.top)
  const parts = [
    `<text x="${width / 2}" y="22" text-anchor="middle" font-size="14" font-weight="600">${escaped(title)}</text>`,
  ]
  for (const value of x.ticks) {
    const at = px(toX(value))
    parts.push(`<path d="M${at} ${inner.top}V${inner.bottom}" stroke="#e4e4e4"/>`)
    parts.push(`<text x="${at}" y="${inner.bottom + 18}" text-anchor="middle">${tick(x, value)}</text>`)
  }
  for (const value of y.ticks) {
    const at = px(toY(value))
    parts.push(`<path d="M${inner.left} ${at}H${inner.right}" stroke="#e4e4e4"/>`)
    parts.push(`<text x="${inner.left - 7}" y="${at}" dy="0.35em" text-anchor="end">${tick(y, value)}</text>`)
  }
  parts.push(
    `<path d="M${inner.left} ${inner.top}V${inner.bottom}H${inner.right}" fill="none" stroke="#222"/>`,
    `<text x="${(inner.left + inner.right) / 2}" y="${height - 12}" text-anchor="middle">${escaped(x.label)}</text>`,
    `<text transform="translate(16 ${(inner.top + inner.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
  )
  for (const { colour, points, line, mark, label } of series) {
    const at = points.map(([a, b]) => [toX(a), toY(b)] as const)
    const hue = COLOURS[colour]
    if (line)
      parts.push(
        `<polyline points="${at.map(([a, b]) => `${px(a)},${px(b)}`).join(' ')}" fill="none" stroke="${hue}" stroke-width="1.8"${line === 'dashed' ? ' stroke-dasharray="5 4"' : ''}/>`,
      )
    if (mark) parts.push(...at.map(([a, b]) => drawMark(mark, a, b, hue)))
    if (label) {
      const [a, b] = [toX(label.at[0]), toY(label.at[1])]
      const [[x1, y1], [x2, y2]] = [at[0]!, at.at(-1)!]
      const angle = label.angle ? (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI : 0
      parts.push(
        `<text transform="translate(${px(a)} ${px(b)}) rotate(${px(angle)})" dy="-5" fill="${hue}" text-anchor="${label.anchor ?? 'start'}">${escaped(label.text)}</text>`,
      )
    }
  }
  const entries = series.filter(({ label }) => !label)
  const [left, top] = legend
    ? [inner.right - LEGEND_WIDTH, inner.bottom - entries.length * LEGEND_LINE]
    : [inner.left + 12, inner.top + 14]
  if (entries.length > 1) parts.push(drawLegend(entries, left, top))
  for (const { text, at } of notes)
    parts.push(
      `<text x="${px(toX(at[0]))}" y="${px(toY(at[1]))}" text-anchor="middle">${escaped(text)}</text>`,
    )
  return parts.join('\n')
}

function drawLegend(series: Series[], left: number, top: number): string {
  return series
    .map(({ name, colour, line, mark }, i) => {
      const y = top + i * LEGEND_LINE
      const hue = COLOURS[colour]
      const dashes = line === 'dashed' ? ' stroke-dasharray="5 4"' : ''
      return [
        line ? `<path d="M${left} ${y}h24" stroke="${hue}" stroke-width="1.8"${dashes}/>` : '',
        mark ? drawMark(mark, left + 12, y, hue) : '',
        // A white rim keeps the words readable where something passes behind them.
        `<text x="${left + 31}" y="${y}" dy="0.35em" stroke="#fff" stroke-width="4" paint-order="stroke">${escaped(name)}</text>`,
      ].join('')
    })
    .join('\n')
}

function drawMark(mark: NonNullable<Series['mark']>, x: number, y: number, hue: string): string {
  if (mark === 'square')
    return `<rect x="${px(x - 3.6)}" y="${px(y - 3.6)}" width="7.2" height="7.2" fill="${hue}"/>`
  if (mark === 'triangle') return `<path d="M${px(x)} ${px(y - 5)}l4.7 8h-9.4z" fill="${hue}"/>`
  const fill = mark === 'ring' ? `fill="#fff" stroke="${hue}" stroke-width="1.8"` : `fill="${hue}"`
  return `<circle cx="${px(x)}" cy="${px(y)}" r="3.8" ${fill}/>`
}

/** Of an axis' values to pixels. */
function logScale({ ticks, from = ticks[0]!, to = ticks.at(-1)! }: Axis, start: number, end: number) {
  return (value: number) => start + (Math.log(value / from) / Math.log(to / from)) * (end - start)
}

const px = (value: number): string => String(Math.round(value * 10) / 10)
const tick = ({ format = (value) => value.toLocaleString('en') }: Axis, value: number): string =>
  escaped(format(value))
const escaped = (text: string): string => text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)
