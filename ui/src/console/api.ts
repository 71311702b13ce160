// The API of the admin door, as internal/web/api describes it.

export interface Address { door: string; url: string; port: number; any: boolean }
export interface About {
  version: string
  since: string
  addresses: Address[]
  cpus: number
  goroutines: number
  memory: number
  memory_limit?: number
  connections: number
  publishers: number
  players: number
  bytes_in: number
  bytes_out: number
  limits: { connections: number; publishers: number; players_per_stream: number }
}
export interface Track {
  kind: 'audio' | 'video'
  track: number
  codec?: string
  description?: string
  width?: number
  height?: number
  sample_rate?: number
  channels?: number
  bitrate: number
  fps?: number
  bytes: number
  frames: number
}
export interface Sample { at: string; bitrate: number; fps: number; players: number }
export interface Stream {
  name: string
  state: 'live' | 'grace' | 'waiting'
  publisher?: { connection?: number; remote?: string; since: string; encoder?: string }
  tracks: Track[]
  bitrate: number
  fps: number
  key_interval_ms?: number
  skew_ms?: number
  bytes: number
  silent_ms: number
  players: number
  lag_ms: number
  dropped: number
  recording: boolean
  history?: Sample[]
}
export interface Player {
  stream: string
  connection?: number
  viewer?: number
  transport: string
  remote: string
  agent?: string
  since: string
  bytes: number
  messages: number
  dropped: number
  lag_ms: number
  paused: boolean
}
export interface Finding { code: string; severity: string; text: string; count: number; at_ms: number }
export interface Connection {
  id: number
  remote: string
  transport: string
  app: string
  tcurl?: string
  client?: string
  since: string
  role?: 'publisher' | 'player'
  streams: string[]
  bytes_in: number
  bytes_out: number
  rtt_ms?: number
  findings: Finding[]
}
export interface Recording {
  path: string
  stream: string
  format: string
  take: string
  segment: number
  started: string
  ended?: string
  duration_ms?: number
  size?: number
  complete: boolean
}
export interface Relay {
  id: string
  kind: 'push' | 'pull'
  stream: string
  target?: string
  address: string
  state: 'idle' | 'connecting' | 'publishing' | 'playing' | 'waiting' | 'failed'
  since: string
  retry_at?: string
  error?: string
  bytes: number
  dropped: number
  reconnects: number
}
export interface Snapshot { at: string; server: About; streams: Stream[]; total: number }
export interface Event {
  at: string
  kind: 'published' | 'unpublished' | 'playing' | 'left' | 'recording' | 'recorded' | 'finding'
  stream?: string
  connection?: number
  remote?: string
  text?: string
  missed?: number
}
export interface List<T> { total: number; items: T[] }

const prefix = '/api/v1'

// call returns what the server answers; what it refuses is an Error with its sentence.
async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(prefix + path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  if (answer.status === 204) return undefined as T
  const type = answer.headers.get('Content-Type') ?? ''
  if (!type.includes('json')) throw new Error(`The server answered with status ${answer.status}.`)
  const value = await answer.json()
  if (!answer.ok) throw new Error(value.detail ?? value.title)
  return value
}

// part escapes a name but for its slashes.
const part = (name: string) => name.split('/').map(encodeURIComponent).join('/')

export const api = {
  stream: (name: string) => call<Stream>('GET', `/streams/${part(name)}`),
  players: (stream: string) => call<List<Player>>('GET', `/players?limit=500&stream=${encodeURIComponent(stream)}`),
  connections: () => call<List<Connection>>('GET', '/connections?limit=500'),
  kick: (id: number) => call<void>('DELETE', `/connections/${id}`),
  kickViewer: (id: number) => call<void>('DELETE', `/players/${id}`),
  reload: () => call<void>('POST', '/reload'),
  relays: () => call<List<Relay>>('GET', '/relays?limit=500'),
  startRelay: (relay: { kind: Relay['kind']; stream: string; url: string; key?: string }) => call<{ id: string }>('POST', '/relays', relay),
  stopRelay: (id: string) => call<void>('DELETE', `/relays/${encodeURIComponent(id)}`),
  recordings: () => call<List<Recording>>('GET', '/recordings?limit=500'),
  deleteRecording: (path: string) => call<void>('DELETE', `/recordings/${part(path)}`),
  startRecording: (stream: string) => call<void>('POST', '/recordings/start', { stream }),
  stopRecording: (stream: string) => call<void>('POST', '/recordings/stop', { stream }),
  reconnect: (stream: string) => call<{ asked: number }>('POST', '/reconnect', { stream }),
}

// listen calls back with what happens until its result is called. The browser connects again by itself.
export function listen(on: { snapshot(s: Snapshot): void; event(e: Event): void; state(connected: boolean): void }): () => void {
  const source = new EventSource(`${prefix}/events`)
  source.addEventListener('snapshot', (e) => on.snapshot(JSON.parse(e.data)))
  source.addEventListener('event', (e) => on.event(JSON.parse(e.data)))
  source.onopen = () => on.state(true)
  source.onerror = () => on.state(false)
  return () => source.close()
}
