import { bytes, count, duration, moment } from '../shared/format'
import { api } from './api'
import { Act, Badge, Panel } from './parts'
import { usePoll } from './store'

export function Recordings() {
  const { value, error, again } = usePoll(api.recordings, 3000, [])
  return (
    <Panel title="Recordings" aside={<span class="soft small">{value ? count(value.total, 'file') : ''}</span>}>
      {error && <p class="pad bad">{error}</p>}
      {value?.total === 0 && (
        <p class="pad soft">Nothing was recorded yet. Record a stream with the button on its page, or by a rule in the configuration: <code>record</code>.</p>
      )}
      {!!value?.total && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">File</th><th scope="col">Stream</th><th scope="col">Begun</th><th scope="col" class="num">Length</th>
                <th scope="col" class="num">Size</th><th><span class="hidden">What to do</span></th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((r) => (
                <tr key={r.path}>
                  <th scope="row" data-label="File" class="path">{r.path}</th>
                  <td data-label="Stream">{r.stream}</td>
                  <td data-label="Begun">{moment(r.started)}</td>
                  <td class="num" data-label="Length">{r.complete ? duration(r.duration_ms ?? 0) : <Badge tone="bad">● recording</Badge>}</td>
                  <td class="num" data-label="Size">{r.size ? bytes(r.size) : '–'}</td>
                  <td class="num">
                    {r.complete
                      ? <Act danger label={`Delete ${r.path}`} confirm={`Delete ${r.path}? It cannot be brought back.`} act={() => api.deleteRecording(r.path)} done={again}>Delete</Act>
                      : <Act label={`Stop recording ${r.stream}`} act={() => api.stopRecording(r.stream)} done={again}>Stop</Act>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!!value && value.total > value.items.length && <p class="soft small pad">The first {value.items.length} are shown; the API lists more by stream.</p>}
    </Panel>
  )
}
