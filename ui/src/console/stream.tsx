import { useEffect, useState } from 'preact/hooks'
import { bitrate, bytes, clock, count, fps, ms, since } from '../shared/format'
import { api, type Player, type Stream } from './api'
import { Chart } from './chart'
import { Act, Badge, Panel, say, Stat } from './parts'
import { Preview } from './preview'
import { recall, samplesOf, usePoll, useStore } from './store'
import { codecs, keyTone, lagTone, picture, skewTone, State } from './streams'

export function StreamPage(props: { name: string }) {
  const { snapshot } = useStore()
  const [, draw] = useState(0)
  useEffect(() => {
    api.stream(props.name).then((s) => {
      recall(s)
      draw((n) => n + 1)
    }, () => undefined) // it may come yet
  }, [props.name])
  const stream = snapshot?.streams.find((s) => s.name === props.name)
  return (
    <>
      <p class="crumbs"><a href="#/">Streams</a> / <span>{props.name}</span></p>
      {stream ? <Details stream={stream} now={Date.parse(snapshot!.at)} /> : <p class="pad soft">Nobody publishes or plays {props.name} now.</p>}
    </>
  )
}

function Details(props: { stream: Stream; now: number }) {
  const s = props.stream
  const samples = samplesOf(s.name)
  const at = samples.map((x) => Date.parse(x.at) / 1000)
  const publisher = s.publisher?.connection
  return (
    <>
      <div class="title">
        <h1>{s.name}</h1>
        <State stream={s} />
        {s.recording && <Badge tone="bad">● recording</Badge>}
        <div class="actions">
          {s.recording
            ? <Act act={() => api.stopRecording(s.name)}>Stop recording</Act>
            : <Act act={() => api.startRecording(s.name)}>Record</Act>}
          <Act act={() => api.reconnect(s.name).then((r) => say(`${count(r.asked, 'client')} asked to connect again.`))}>Reconnect clients</Act>
          {publisher !== undefined && (
            <Act danger confirm={`End the publisher of ${s.name}? Most encoders come back by themselves.`} act={() => api.kick(publisher)}>Kick publisher</Act>
          )}
        </div>
      </div>
      <dl class="stats">
        <Stat label="Bit rate" value={bitrate(s.bitrate)} />
        <Stat label="Picture" value={picture(s)} />
        <Stat label="Frame rate" value={fps(s.fps)} />
        <Stat label="Key frames every" value={s.key_interval_ms ? ms(s.key_interval_ms) : '–'} tone={keyTone(s.key_interval_ms)} title="Newcomers wait for a key frame; two seconds are usual." />
        <Stat label="A/V skew" value={s.skew_ms === undefined ? '–' : ms(s.skew_ms)} tone={skewTone(s.skew_ms)} title="How far audio is ahead of video." />
        <Stat label="Viewers" value={s.players} />
        <Stat label="Worst lag" value={s.players ? ms(s.lag_ms) : '–'} tone={lagTone(s.lag_ms)} />
        <Stat label="Drops" value={s.dropped} tone={s.dropped ? 'warn' : ''} />
      </dl>
      <div class="columns">
        <div class="wide">
          <Preview name={s.name} />
          <Panel title="Last two minutes">
            <Chart axes label="Bit rate" height={190} at={at} format={bitrate} lines={[{ label: 'Bit rate', color: '--accent', values: samples.map((x) => x.bitrate), fill: true }]} />
            <Chart axes label="Viewers" height={110} at={at} format={(n) => String(Math.round(n * 10) / 10)} lines={[{ label: 'Viewers', color: '--warn', values: samples.map((x) => x.players) }]} />
            <Chart axes label="Frame rate" height={110} at={at} format={(n) => `${Math.round(n * 10) / 10} fps`} lines={[{ label: 'Frame rate', color: '--good', values: samples.map((x) => x.fps) }]} />
          </Panel>
          <Players name={s.name} now={props.now} />
        </div>
        <div>
          <Panel title="Publisher">
            {s.publisher ? (
              <dl class="facts">
                <dt>From</dt><dd>{s.publisher.remote ?? '–'}</dd>
                <dt>Connection</dt><dd>{publisher !== undefined ? <a href="#/connections">{publisher}</a> : '–'}</dd>
                <dt>Encoder</dt><dd>{s.publisher.encoder ?? '–'}</dd>
                <dt>Since</dt><dd>{clock(s.publisher.since)}, {since(s.publisher.since, props.now)}</dd>
                <dt>Sent</dt><dd>{bytes(s.bytes)}</dd>
              </dl>
            ) : <p class="pad soft">Nobody publishes it now.</p>}
          </Panel>
          <Panel title="Tracks" aside={<span class="soft small">{codecs(s)}</span>}>
            {s.tracks.length === 0 && <p class="pad soft">None so far.</p>}
            {s.tracks.map((t) => (
              <dl class="facts" key={`${t.kind}${t.track}`}>
                <dt>{t.kind === 'video' ? 'Video' : 'Audio'}{t.track ? ` ${t.track}` : ''}</dt>
                <dd>{t.description ?? t.codec ?? 'not known'}</dd>
                <dt>Bit rate</dt><dd>{bitrate(t.bitrate)}{t.fps ? `, ${fps(t.fps)}` : ''}</dd>
                <dt>Frames</dt><dd>{t.frames.toLocaleString('en')}, {bytes(t.bytes)}</dd>
              </dl>
            ))}
          </Panel>
        </div>
      </div>
    </>
  )
}

// What viewers come by, in words.
const outputs: Record<string, string> = {
  rtmp: 'RTMP', rtmps: 'RTMPS', rtmpt: 'RTMPT', rtmpe: 'RTMPE', flv: 'HTTP-FLV', 'ws-flv': 'WS-FLV', mp4: 'fMP4', 'ws-mp4': 'WS-fMP4', hls: 'HLS', webrtc: 'WebRTC',
}

// measured tells of whom the server knows what was sent: players of HLS come and go, those of WebRTC are counted when they leave.
const measured = (p: Player) => p.transport !== 'hls' && p.transport !== 'webrtc'

function Players(props: { name: string; now: number }) {
  const { value, error, again } = usePoll(() => api.players(props.name), 2000, [props.name])
  return (
    <Panel title="Viewers" aside={<span class="soft small">{value ? count(value.total, 'viewer') : ''}</span>}>
      {error && <p class="pad bad">{error}</p>}
      {value?.total === 0 && <p class="pad soft">Nobody watches.</p>}
      {!!value?.total && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">From</th><th scope="col">By</th><th scope="col" class="num">For</th><th scope="col" class="num">Got</th>
                <th scope="col" class="num">Lag</th><th scope="col" class="num">Drops</th><th><span class="hidden">What to do</span></th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((p) => (
                <tr key={`${p.connection}${p.viewer}${p.remote}${p.since}`}>
                  <th scope="row" data-label="From">{p.remote}{p.agent && <div class="soft small cut" title={p.agent}>{p.agent}</div>}</th>
                  <td data-label="By"><Badge tone="plain">{outputs[p.transport] ?? p.transport}</Badge>{p.paused ? ' paused' : ''}</td>
                  <td class="num" data-label="For">{since(p.since, props.now)}</td>
                  <td class="num" data-label="Got">{measured(p) ? bytes(p.bytes) : '–'}</td>
                  <td class={`num ${lagTone(p.lag_ms)}`} data-label="Lag">{measured(p) ? ms(p.lag_ms) : '–'}</td>
                  <td class={`num ${p.dropped ? 'warn' : ''}`} data-label="Drops">{measured(p) ? p.dropped : '–'}</td>
                  <td class="num">
                    {p.connection !== undefined && <Act danger label={`Kick viewer ${p.remote}`} act={() => api.kick(p.connection!)} done={again}>Kick</Act>}
                    {p.viewer !== undefined && <Act danger label={`Kick viewer ${p.remote}`} act={() => api.kickViewer(p.viewer!)} done={again}>Kick</Act>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}
