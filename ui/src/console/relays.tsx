import { bytes, count, since } from '../shared/format'
import { api, type Relay } from './api'
import { Act, Badge, Panel, say } from './parts'
import { usePoll } from './store'

const tones: Record<Relay['state'], 'good' | 'warn' | 'bad' | 'plain'> = {
  idle: 'plain', connecting: 'plain', publishing: 'good', playing: 'good', waiting: 'warn', failed: 'bad',
}

export function Relays() {
  const { value, error, again } = usePoll(api.relays, 2000, [])
  const now = Date.now()
  return (
    <Panel title="Relays" aside={<span class="soft small">{value ? count(value.total, 'relay') : ''}</span>}>
      {error && <p class="pad bad">{error}</p>}
      {value?.total === 0 && (
        <p class="pad soft">No stream goes to or comes from another server. Begin below, or in the configuration: <code>push</code> and <code>pull</code>.</p>
      )}
      {!!value?.total && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Stream</th><th scope="col">Other server</th><th scope="col">State</th><th scope="col" class="num">For</th>
                <th scope="col" class="num">Carried</th><th scope="col" class="num">Drops</th><th scope="col" class="num">Reconnects</th>
                <th><span class="hidden">What to do</span></th>
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
                  <td class="num">
                    <Act danger label={`Stop the ${r.kind} of ${r.stream}`} confirm={`Stop the ${r.kind} of ${r.stream}? One of the configuration comes back with the stream.`} act={() => api.stopRelay(r.id)} done={again}>Stop</Act>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Begin done={again} />
    </Panel>
  )
}

// Begin is the form for another push or pull.
function Begin(props: { done(): void }) {
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    const form = e.currentTarget as HTMLFormElement
    const text = (name: string) => String(new FormData(form).get(name) ?? '').trim()
    try {
      await api.startRelay({ kind: text('kind') as Relay['kind'], stream: text('stream'), url: text('url'), key: text('key') || undefined })
      form.reset()
      props.done()
    } catch (e) {
      say((e as Error).message)
    }
  }
  return (
    <form class="begin" onSubmit={submit}>
      <label>What<select name="kind"><option value="push">Push to</option><option value="pull">Pull from</option></select></label>
      <label>Stream<input name="stream" placeholder="live/studio" required autocomplete="off" /></label>
      <label class="long">Other server<input name="url" placeholder="rtmp://example.org/live" required autocomplete="off" /></label>
      <label>Stream key, of a push<input name="key" type="password" autocomplete="off" /></label>
      <button class="primary">Begin</button>
    </form>
  )
}
