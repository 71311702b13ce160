import { useEffect, useRef, useState } from 'preact/hooks'
import { can, Failed, names, play, type Playing, type Way } from '../players/player'
import { ms } from '../shared/format'
import { Panel } from './parts'
import { useStore } from './store'

const ways: Way[] = ['whep', 'flv', 'mp4', 'hls']

// Preview plays a stream by any of the ways, several side by side to compare their delays.
export function Preview(props: { name: string }) {
  const { snapshot } = useStore()
  const [chosen, setChosen] = useState<Way[]>([])
  const [delays, setDelays] = useState<Partial<Record<Way, number>>>({})
  const door = snapshot?.server.addresses.find((a) => a.door === 'http' || a.door === 'https')
  if (!door) {
    return (
      <Panel title="Watch">
        <p class="pad soft">The public web door is shut: set <code>http</code> in the configuration to watch here.</p>
      </Panel>
    )
  }
  const origin = `${door.door}://${location.host.replace(/:\d+$/, '')}:${door.port}`
  const base = `${origin}/${props.name.split('/').map(encodeURIComponent).join('/')}`
  const worst = Math.max(1, ...chosen.map((way) => delays[way] ?? 0))
  const report = (way: Way, delay: number | null) => setDelays((d) => ({ ...d, [way]: delay ?? undefined }))
  const toggle = (way: Way) => setChosen((c) => (c.includes(way) ? c.filter((w) => w !== way) : [...c, way]))
  return (
    <Panel title="Watch" aside={<a href={base} target="_blank" rel="noopener">Watch page ↗</a>}>
      <div class="ways" role="group" aria-label="Ways to watch">
        {ways.map((way) => (
          <button key={way} aria-pressed={chosen.includes(way)} disabled={!can(way)} onClick={() => toggle(way)}>
            {names[way]}
          </button>
        ))}
      </div>
      {chosen.length > 0 && (
        <div class="screens">
          {chosen.map((way) => <Screen way={way} base={base} key={`${way} ${base}`} worst={worst} report={report} />)}
        </div>
      )}
    </Panel>
  )
}

// Screen reports its delay, and shows it as a part of the worst one.
function Screen(props: { way: Way; base: string; worst: number; report(way: Way, delay: number | null): void }) {
  const video = useRef<HTMLVideoElement>(null)
  const [delay, setDelay] = useState<number | null>(null)
  const [error, setError] = useState('')
  useEffect(() => {
    let playing: Playing | null = null
    let over = false
    const giveUp = new AbortController()
    const failed = (reason: Failed) => {
      playing?.stop()
      playing = null
      if (!over) setError(reason.message)
    }
    play(props.way, { base: props.base, query: '', video: video.current!, signal: giveUp.signal, failed }).then(
      (p) => {
        playing = p
        if (over) p.stop()
      },
      (e) => failed(e instanceof Failed ? e : new Failed('This way to watch could not be loaded.')),
    )
    void video.current!.play().catch(() => undefined) // it begins when there is something
    const timer = setInterval(() => {
      const now = playing?.delay() ?? null
      setDelay(now)
      props.report(props.way, now)
    }, 500)
    return () => {
      over = true
      giveUp.abort()
      props.report(props.way, null)
      clearInterval(timer)
      playing?.stop()
    }
  }, [])
  return (
    <figure>
      <video ref={video} muted autoplay playsInline controls data-way={props.way} />
      <figcaption>
        <strong>{names[props.way]}</strong>
        {error ? <span class="bad">{error}</span> : <span>{delay === null ? 'starting…' : `${ms(delay * 1000)} behind`}</span>}
      </figcaption>
      <div class="delaybar" aria-hidden="true"><div style={{ width: `${((delay ?? 0) / props.worst) * 100}%` }} /></div>
    </figure>
  )
}
