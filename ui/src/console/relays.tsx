import { bytes, count, since } from '../shared/format'
import { api, type Relay } from './api'
import { Badge, Panel } from './parts'
import { usePoll } from './store'

const tones: Record<Relay['state'], 'good' | 'warn' | 'bad' | 'plain'> = {
  idle: 'plain', connecting: 'plain', publishing: 'good', playing: 'good', waiting: 'warn', failed: 'bad',
}

export function Relays() {
  const { value, error } = usePoll(api.relays, 2000, [])
  const now = Date.now()
  return (
    <Panel title="Relays" aside={<span class="soft small">{value ? count(value.total, 'relay') : ''}</span>}>
      {error && <p class="pad bad">{error}</p>}
      {value?.total === 0 && (
        <p class="pad soft">No stream goes to or comes from another server: the configuration says which do, under <code>push</code> and <code>pull</code>.</p>
      )}
      {!!value?.total && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th><th scope="col">Other server</th><th scope="col">State</th><th scope="col" class="num">For</th>
                <th scope="col" class="num">Carried</th><th scope="col" class="num">Drops</th><th scope="col" class="num">Reconnects</th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((r) => (
                <tr key={r.id}>
                  <th scope="row" data-label="Stream"><span class="name">{r.stream}</span></th>
                  <td data-label="Other server">{r.kind === 'push' ? 'to' : 'from'} {r.target ? `${r.target}, ` : ''}{r.address}</td>
                  <td data-label="State"><Badge tone={tones[r.state]}>{r.state}</Badge>{r.error && <div class="soft small">{r.error}</div>}</td>
                  <td class="num" data-label="For">{since(r.since, now)}</td>
                  <td class="num" data-label="Carried">{bytes(r.bytes)}</td>
                  <td class={`num ${r.dropped ? 'warn' : ''}`} data-label="Drops">{r.dropped}</td>
                  <td class="num" data-label="Reconnects">{r.reconnects}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}
