import { render } from 'preact'
import { useEffect, useReducer, useRef, useState } from 'preact/hooks'
import { Failed, names, order, play, type Playing, type Way } from '../players/player'
import '../shared/base.css'
import { ms } from '../shared/format'
import { startTheme, theme, toggleTheme } from '../shared/theme'
import './watch.css'

// The stream is the path of the page; a query, as a token, goes along.
const path = location.pathname.replace(/\/+$/, '')
const name = path.slice(1).split('/').map(decodeURIComponent).join('/')
const base = location.origin + path

const again = 3000 // ms until a stream that is not live is looked for again
const patience = 12_000 // ms until a way that shows no picture is given up

type Phase = { kind: 'starting' } | { kind: 'playing' } | { kind: 'waiting'; why: string } | { kind: 'failed'; why: string }

function Watch() {
  const video = useRef<HTMLVideoElement>(null)
  const [phase, setPhase] = useState<Phase>({ kind: 'starting' })
  const [wish, setWish] = useState<Way | 'auto'>('auto')
  const [way, setWay] = useState<Way | null>(null)
  const [delay, setDelay] = useState<number | null>(null)
  const [note, setNote] = useState('')
  const [muted, setMuted] = useState(true)
  const [volume, setVolume] = useState(1)

  useEffect(() => {
    document.title = name
    return watch(video.current!, wish, { phase: setPhase, way: setWay, delay: setDelay, note: setNote })
  }, [wish])

  const unmute = () => {
    const v = video.current!
    v.muted = !v.muted
    if (!v.muted && v.volume === 0) v.volume = 1
    void v.play().catch(() => undefined)
  }
  const live = phase.kind === 'playing'
  return (
    <>
      <div class="stage" id="stage">
        <video ref={video} muted autoplay playsInline data-way={way ?? ''} aria-label={`Stream ${name}`}
          onVolumeChange={(e) => { setMuted(e.currentTarget.muted); setVolume(e.currentTarget.volume) }} />
        {phase.kind !== 'playing' && (
          <div class="message" role="status">
            {phase.kind !== 'failed' && <svg class="wave" viewBox="0 0 48 16" aria-hidden="true"><path d="M2 8c5-8 10-8 15 0s10 8 15 0 10-8 14 0" /></svg>}
            <h1>{phase.kind === 'starting' ? 'Starting…' : phase.kind === 'waiting' ? 'Waiting for the stream' : 'This stream cannot be played'}</h1>
            {'why' in phase && <p>{phase.why}</p>}
            {phase.kind === 'failed' && <button onClick={() => location.reload()}>Try again</button>}
          </div>
        )}
        {live && muted && <button class="unmute" onClick={unmute}>Tap for sound</button>}
      </div>
      <div class="bar">
        <span class={`live ${live ? '' : 'off'}`}>{live ? 'LIVE' : 'OFF AIR'}</span>
        <h1 title={name}>{name}</h1>
        <span class="delay soft" title="How much of what has come is not shown yet">{live && delay !== null ? `${ms(delay * 1000)} behind` : ''}{live && note && ` ${note}`}</span>
        <button onClick={unmute} aria-label={muted ? 'Sound on' : 'Sound off'} aria-pressed={!muted}><Icon of={muted ? 'muted' : 'sound'} /></button>
        <input type="range" min="0" max="1" step="0.05" value={volume} aria-label="Volume"
          onInput={(e) => { const v = video.current!; v.volume = Number(e.currentTarget.value); v.muted = v.volume === 0 }} />
        <label class="hidden" for="way">How to watch</label>
        <select id="way" value={wish} onChange={(e) => setWish(e.currentTarget.value as Way | 'auto')}>
          <option value="auto">Auto{wish === 'auto' && way ? ` (${names[way]})` : ''}</option>
          {order().map((w) => <option value={w} key={w}>{names[w]}</option>)}
        </select>
        <ThemeButton />
        <button onClick={fullscreen} aria-label="Full screen"><Icon of="full" /></button>
      </div>
    </>
  )
}

const icons = {
  sound: 'M4 9v6h4l5 4V5L8 9zM16 8.5c2 1.8 2 5.2 0 7M18.5 6c3.5 3.2 3.5 8.8 0 12',
  muted: 'M4 9v6h4l5 4V5L8 9zM16.5 9.5l5 5M21.5 9.5l-5 5',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
}

function Icon(props: { of: keyof typeof icons }) {
  return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={icons[props.of]} /></svg>
}

function fullscreen() {
  const stage = document.getElementById('stage')!
  const video = stage.querySelector('video') as HTMLVideoElement & { webkitEnterFullscreen?(): void }
  if (document.fullscreenElement) void document.exitFullscreen()
  else if (stage.requestFullscreen) void stage.requestFullscreen().catch(() => undefined)
  else video.webkitEnterFullscreen?.()
}

function ThemeButton() {
  const [, draw] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    const see = () => draw(undefined as never)
    addEventListener('themechange', see)
    return () => removeEventListener('themechange', see)
  }, [])
  const other = theme() === 'dark' ? 'light' : 'dark'
  return <button class="plain" onClick={toggleTheme} aria-label={`Use the ${other} theme`}>{theme() === 'dark' ? '☀' : '☾'}</button>
}

interface Report {
  phase(p: Phase): void
  way(w: Way): void
  delay(d: number | null): void
  note(text: string): void
}

// watch tries one way after the other until a picture moves, and all of them again while the stream is not live. It returns
// what ends it.
function watch(video: HTMLVideoElement, wish: Way | 'auto', report: Report): () => void {
  const ways = wish === 'auto' ? order() : [wish]
  const hopeless = new Set<Way>()
  let playing: Playing | null = null
  let over = false
  let round = 0
  let wait = 0
  let late = 0
  let giveUp = new AbortController()

  const leave = () => {
    clearTimeout(late)
    giveUp.abort()
    playing?.stop()
    playing = null
    report.delay(null)
  }
  const attempt = (at: number, why: Failed | null) => {
    if (over) return
    const way = ways.slice(at).find((w) => !hopeless.has(w))
    if (!way) {
      if (hopeless.size === ways.length) {
        report.phase({ kind: 'failed', why: why?.message ?? (ways.length ? 'None of the ways works.' : 'This browser cannot play live streams.') })
        return
      }
      report.phase({ kind: 'waiting', why: why?.message === 'The stream is not live.' || !why ? 'It begins as soon as somebody publishes it.' : why.message })
      wait = window.setTimeout(() => attempt(0, null), again)
      return
    }
    const mine = ++round
    const next = (reason: Failed) => {
      if (mine !== round || over) return
      round++
      if (reason.fatal) hopeless.add(way)
      const shown = video.readyState >= 2 && video.currentTime > 0
      leave()
      if (shown && !reason.fatal) {
        report.phase({ kind: 'waiting', why: reason.message })
        wait = window.setTimeout(() => attempt(0, null), again / 3)
      } else {
        attempt(ways.indexOf(way) + 1, reason)
      }
    }
    late = window.setTimeout(() => {
      if (video.readyState < 2) next(new Failed('No picture came.'))
    }, patience)
    report.way(way)
    giveUp = new AbortController()
    play(way, { base, query: location.search, video, whole: wish === 'auto', signal: giveUp.signal, failed: next }).then(
      (p) => {
        if (mine !== round || over) {
          p.stop()
          return
        }
        playing = p
        report.note(p.note ?? '')
        void video.play().catch(() => undefined) // browsers that forbid it show their own button
      },
      (e) => next(e instanceof Failed ? e : new Failed('The player could not be loaded.')),
    )
  }
  const moves = () => {
    if (playing) report.phase({ kind: 'playing' })
  }
  video.addEventListener('timeupdate', moves)
  const timer = setInterval(() => report.delay(playing?.delay() ?? null), 1000)
  report.phase({ kind: 'starting' })
  attempt(0, null)
  return () => {
    over = true
    clearInterval(timer)
    clearTimeout(wait)
    video.removeEventListener('timeupdate', moves)
    leave()
  }
}

startTheme()
render(<Watch />, document.getElementById('page')!)
