import { bitrate, bytes, clock, since } from '../shared/format'
import type { Event } from './api'
import { Chart } from './chart'
import { Panel, Stat } from './parts'
import { useStore } from './store'

const limit = (n: number) => (n > 0 ? ` / ${n.toLocaleString('en')}` : '')

export function Totals() {
  const { snapshot, rates } = useStore()
  if (!snapshot) return null
  const s = snapshot.server
  const last = rates[rates.length - 1]
  return (
    <dl class="stats">
      <Stat label="In" value={last ? bitrate(last.in) : '–'} />
      <Stat label="Out" value={last ? bitrate(last.out) : '–'} />
      <Stat label="Publishers" value={s.publishers} title={`of${limit(s.limits.publishers)}`} />
      <Stat label="Viewers" value={s.players} />
      <Stat label="Connections" value={s.connections} title={`of${limit(s.limits.connections)}`} />
      <Stat label="Memory" value={bytes(s.memory)} title={s.memory_limit ? `of ${bytes(s.memory_limit)}` : undefined} />
      <Stat label="Up for" value={since(s.since, Date.parse(snapshot.at))} />
    </dl>
  )
}

export function Traffic() {
  const { rates } = useStore()
  return (
    <Panel title="RTMP traffic">
      <Chart axes label="Traffic of RTMP" height={180} format={bitrate} at={rates.map((r) => r.at / 1000)}
        lines={[
          { label: 'In', color: '--accent', values: rates.map((r) => r.in), fill: true },
          { label: 'Out', color: '--good', values: rates.map((r) => r.out) },
        ]} />
    </Panel>
  )
}

const words: Record<Event['kind'], string> = {
  published: 'is published', unpublished: 'is over', playing: 'is watched', left: 'was left by a viewer',
  recording: 'is being recorded', recorded: 'is not recorded any more', finding: 'Something is wrong with what is sent',
}

export function Activity() {
  const { events } = useStore()
  return (
    <Panel title="Activity">
      {events.length === 0 && <p class="pad soft">Nothing has happened yet.</p>}
      <ol class="activity">
        {events.slice(0, 40).map((e) => (
          <li key={`${e.at}${e.kind}${e.connection}${e.remote}`} class={e.kind}>
            <time dateTime={e.at}>{clock(e.at)}</time>
            <span>
              {e.stream && <a href={`#/streams/${encodeURIComponent(e.stream)}`}>{e.stream}</a>} {words[e.kind]}
              {e.remote && <span class="soft"> by {e.remote}</span>}
              {e.text && <span class="soft">: {e.text}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}
