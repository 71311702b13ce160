import { bytes, clock, count, duration, ms, since } from '../shared/format'
import { api, type Connection } from './api'
import { Act, Badge, Panel } from './parts'
import { usePoll } from './store'

export function Connections() {
  const { value, error, again } = usePoll(api.connections, 2000, [])
  const now = Date.now()
  return (
    <Panel title="Connections" aside={<span class="soft small">{value ? count(value.total, 'connection') : ''}</span>}>
      {error && <p class="pad bad">{error}</p>}
      {value?.total === 0 && <p class="pad soft">No RTMP client is connected.</p>}
      {!!value?.total && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Connection</th><th scope="col">Client</th><th scope="col">Streams</th><th scope="col" class="num">For</th>
                <th scope="col" class="num">In</th><th scope="col" class="num">Out</th><th scope="col" class="num">Round trip</th>
                <th><span class="hidden">What to do</span></th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((c) => <Row c={c} now={now} again={again} key={c.id} />)}
            </tbody>
          </table>
        </div>
      )}
      {!!value && value.total > value.items.length && <p class="soft small pad">The {value.items.length} oldest are shown.</p>}
    </Panel>
  )
}

function Row(props: { c: Connection; now: number; again(): void }) {
  const { c } = props
  return (
    <>
      <tr>
        <th scope="row" data-label="Connection">
          <span class="name">{c.id}</span> <span class="soft">{c.remote}</span>
          <div class="under">
            {c.role && <Badge tone={c.role === 'publisher' ? 'good' : 'plain'}>{c.role}</Badge>}
            <span class="soft small">{c.transport} · {c.app}</span>
          </div>
        </th>
        <td data-label="Client" class="cut" title={c.client}>{c.client ?? '–'}</td>
        <td data-label="Streams">
          {c.streams.length === 0 ? '–' : c.streams.map((s) => <div key={s}><a href={`#/streams/${encodeURIComponent(s)}`}>{s}</a></div>)}
        </td>
        <td class="num" data-label="For" title={`since ${clock(c.since)}`}>{since(c.since, props.now)}</td>
        <td class="num" data-label="In">{bytes(c.bytes_in)}</td>
        <td class="num" data-label="Out">{bytes(c.bytes_out)}</td>
        <td class="num" data-label="Round trip">{c.rtt_ms ? ms(c.rtt_ms) : '–'}</td>
        <td class="num">
          <Act danger label={`Kick connection ${c.id}`} confirm={`End connection ${c.id} from ${c.remote}?`} act={() => api.kick(c.id)} done={props.again}>Kick</Act>
        </td>
      </tr>
      {c.findings.map((f) => (
        <tr class="finding" key={f.code}>
          <td colSpan={8}>
            <Badge tone={f.severity === 'error' ? 'bad' : f.severity === 'warning' ? 'warn' : 'plain'}>{f.severity}</Badge> {f.text}
            <span class="soft small"> {f.count > 1 ? `${f.count} times, ` : ''}first after {duration(f.at_ms)}</span>
          </td>
        </tr>
      ))}
    </>
  )
}
