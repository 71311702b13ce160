import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
  label: string
  color: string // a variable of the theme, as --accent
  values: number[]
  fill?: boolean
}

const minutes = 120 // seconds that a chart shows
const least = 30 // and as few of them at the beginning

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

// Chart draws lines over the last minutes. The same lines in the same order must come each time. A chart with axes answers to
// the pointer; one without is a picture of a row of a table.
export function Chart(props: { label: string; at: number[]; lines: Line[]; height: number; axes?: boolean; format(n: number): string }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const { at, lines } = props
  const data: uPlot.AlignedData = [at, ...lines.map((l) => l.values)]
  const latest = useRef(data)
  latest.current = data

  useEffect(() => {
    const here = place.current!
    const make = () => {
      plot.current?.destroy()
      const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' }
      plot.current = new uPlot(
        {
          width: here.clientWidth,
          height: props.height,
          legend: { show: !!props.axes },
          cursor: { show: !!props.axes, drag: { x: false, y: false }, points: { size: 6 } },
          padding: props.axes ? [8, 8, 0, 0] : [2, 0, 2, 0],
          scales: { x: { range: (_, min, max) => [Math.min(Math.max(min, max - minutes), max - least), max] }, y: { range: (_, __, max) => [0, Math.max(max * 1.15, 1)] } },
          axes: props.axes
            ? [{ ...axis, size: 26, space: 70, values: (_, splits) => splits.map((v) => new Date(v * 1000).toLocaleTimeString()) }, { ...axis, size: 74, values: (_, splits) => splits.map((v) => props.format(v)) }]
            : [{ show: false }, { show: false }],
          series: [
            { label: 'Time', value: (_, v) => (v ? new Date(v * 1000).toLocaleTimeString() : '–') },
            ...lines.map((l) => ({
              label: l.label,
              stroke: color(l.color),
              width: props.axes ? 2 : 1.5,
              fill: l.fill ? color(l.color) + '22' : undefined,
              points: { show: false },
              value: (_: uPlot, v: number | null) => (v == null ? '–' : props.format(v)),
            })),
          ],
        },
        latest.current,
        here,
      )
    }
    make()
    const size = new ResizeObserver(() => plot.current?.setSize({ width: here.clientWidth, height: props.height }))
    size.observe(here)
    addEventListener('themechange', make)
    return () => {
      removeEventListener('themechange', make)
      size.disconnect()
      plot.current?.destroy()
    }
  }, [])
  useEffect(() => {
    const u = plot.current
    u?.setData(data)
    if (u && props.axes && (u.cursor.left ?? -1) < 0 && at.length > 0) u.setLegend({ idx: at.length - 1 }) // the newest, but for who points at another
  })
  const now = lines.map((l) => `${l.label} ${l.values.length ? props.format(l.values[l.values.length - 1]) : 'not known'}`).join(', ')
  return (
    <div class={props.axes ? 'chart' : 'spark'} role="img" aria-label={`${props.label}: ${now}`}>
      <div ref={place} style={{ minHeight: `${props.height}px` }} />
    </div>
  )
}
