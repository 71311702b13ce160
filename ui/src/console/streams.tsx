import { bitrate, count, fps, ms, since } from '../shared/format'
import type { Address, Stream } from './api'
import { Chart } from './chart'
import { Badge, Copy, Panel } from './parts'
import { samplesOf, useStore } from './store'

export function State(props: { stream: Stream }) {
  const { stream } = props
  if (stream.state === 'waiting') return <Badge tone="plain">waiting</Badge>
  if (stream.state === 'grace') return <Badge tone="warn">broken off</Badge>
  if (stream.silent_ms > 3000) return <Badge tone="warn">silent for {ms(stream.silent_ms)}</Badge>
  return <Badge tone="good">live</Badge>
}

// What is far enough from good to be marked.
export const skewTone = (v?: number) => (v !== undefined && Math.abs(v) > 200 ? 'warn' : '')
export const keyTone = (v?: number) => (v !== undefined && v > 4500 ? 'warn' : '')
export const lagTone = (v: number) => (v > 2000 ? 'warn' : '')

export function picture(stream: Stream): string {
  const video = stream.tracks.find((t) => t.kind === 'video')
  return video?.width ? `${video.width}×${video.height}` : '–'
}

export function codecs(stream: Stream): string {
  return stream.tracks.map((t) => t.codec ?? t.kind).join(' + ') || '–'
}

export function Streams() {
  const { snapshot } = useStore()
  if (!snapshot) return <p class="soft">Waiting for the server…</p>
  const { streams, total, server } = snapshot
  if (streams.length === 0) return <HowToPublish addresses={server.addresses} />
  return (
    <Panel title="Streams" aside={<span class="soft small">{count(total, 'stream')}</span>}>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Stream</th>
              <th scope="col" class="chartcol">Bit rate</th>
              <th scope="col" class="num">Now</th>
              <th scope="col" class="num">Picture</th>
              <th scope="col" class="num">Rate</th>
              <th scope="col" class="num" title="Between key frames: newcomers wait for one">Keys</th>
              <th scope="col" class="num" title="How far audio is ahead of video">A/V</th>
              <th scope="col" class="num">Viewers</th>
              <th scope="col" class="num" title="Of the viewer that is furthest behind">Lag</th>
              <th scope="col" class="num" title="Messages that viewers were too slow for">Drops</th>
            </tr>
          </thead>
          <tbody>
            {streams.map((s) => (
              <Row stream={s} now={Date.parse(snapshot.at)} key={s.name} />
            ))}
          </tbody>
        </table>
      </div>
      {total > streams.length && <p class="soft small pad">The first {streams.length} are shown; the API lists all.</p>}
    </Panel>
  )
}

function Row(props: { stream: Stream; now: number }) {
  const s = props.stream
  const samples = samplesOf(s.name)
  return (
    <tr>
      <th scope="row" data-label="Stream">
        <a href={`#/streams/${encodeURIComponent(s.name)}`} class="name">{s.name}</a>
        <div class="under">
          <State stream={s} />
          {s.recording && <Badge tone="bad">● rec</Badge>}
          <span class="soft small">{s.publisher ? `${codecs(s)} · ${since(s.publisher.since, props.now)}` : 'nobody publishes it'}</span>
        </div>
      </th>
      <td class="chartcol">
        <Chart label={`Bit rate of ${s.name}`} height={34} format={bitrate} at={samples.map((x) => Date.parse(x.at) / 1000)}
          lines={[{ label: 'now', color: '--accent', values: samples.map((x) => x.bitrate), fill: true }]} />
      </td>
      <td class="num" data-label="Bit rate" data-bitrate={s.bitrate}>{bitrate(s.bitrate)}</td>
      <td class="num" data-label="Picture">{picture(s)}</td>
      <td class="num" data-label="Rate">{fps(s.fps)}</td>
      <td class={`num ${keyTone(s.key_interval_ms)}`} data-label="Keys">{s.key_interval_ms ? ms(s.key_interval_ms) : '–'}</td>
      <td class={`num ${skewTone(s.skew_ms)}`} data-label="A/V">{s.skew_ms === undefined ? '–' : ms(s.skew_ms)}</td>
      <td class="num" data-label="Viewers">{s.players}</td>
      <td class={`num ${lagTone(s.lag_ms)}`} data-label="Lag">{s.players ? ms(s.lag_ms) : '–'}</td>
      <td class={`num ${s.dropped ? 'warn' : ''}`} data-label="Drops">{s.dropped}</td>
    </tr>
  )
}

// rtmpBase is where encoders publish, by the host that this page was called by.
export function rtmpBase(addresses: Address[]): string {
  const door = addresses.find((a) => a.door === 'rtmp') ?? addresses.find((a) => a.door === 'rtmps')
  if (!door) return ''
  const host = door.any ? location.hostname : new URL(door.url.replace(/^rtmps?/, 'http')).hostname
  const usual = door.door === 'rtmp' ? 1935 : 443
  return `${door.door}://${host}${door.port === usual ? '' : `:${door.port}`}`
}

function HowToPublish(props: { addresses: Address[] }) {
  const base = rtmpBase(props.addresses)
  if (!base) return <Panel title="Streams"><p class="pad">The RTMP door is shut: set <code>rtmp</code> in the configuration.</p></Panel>
  return (
    <Panel title="Nobody publishes yet">
      <div class="howto">
        <p>Send a stream here, and it shows up by itself.</p>
        <h3>OBS</h3>
        <p class="soft small">Settings → Stream → Service “Custom…”</p>
        <Copy label="the server for OBS" text={`${base}/live`} />
        <Copy label="the stream key for OBS" text="studio" />
        <h3>ffmpeg, a file</h3>
        <Copy label="the line for ffmpeg" text={`ffmpeg -re -i film.mp4 -c copy -f flv ${base}/live/studio`} />
        <h3>ffmpeg, a test picture</h3>
        <Copy label="the line for a test picture" text={`ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine -c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p -c:a aac -f flv ${base}/live/studio`} />
      </div>
    </Panel>
  )
}
