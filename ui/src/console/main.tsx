import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import '../shared/base.css'
import { startTheme, theme, toggleTheme } from '../shared/theme'
import { api } from './api'
import { Connections } from './connections'
import './console.css'
import { Activity, Totals, Traffic } from './overview'
import { Act, Notices, say } from './parts'
import { Recordings } from './recordings'
import { Relays } from './relays'
import { startStore, useStore } from './store'
import { StreamPage } from './stream'
import { Streams } from './streams'

const places = [
  { path: '/', title: 'Streams' },
  { path: '/connections', title: 'Connections' },
  { path: '/relays', title: 'Relays' },
  { path: '/recordings', title: 'Recordings' },
]

function here(): string {
  return location.hash.slice(1) || '/'
}

function usePlace(): string {
  const [place, setPlace] = useState(here())
  useEffect(() => {
    const go = () => {
      setPlace(here())
      scrollTo(0, 0)
    }
    addEventListener('hashchange', go)
    return () => removeEventListener('hashchange', go)
  }, [])
  return place
}

function Body(props: { place: string }) {
  const stream = /^\/streams\/(.+)$/.exec(props.place)
  if (stream) return <StreamPage name={decodeURIComponent(stream[1])} key={stream[1]} />
  switch (props.place) {
    case '/connections':
      return <Connections />
    case '/relays':
      return <Relays />
    case '/recordings':
      return <Recordings />
  }
  return (
    <>
      <Totals />
      <Streams />
      <div class="columns even">
        <Traffic />
        <Activity />
      </div>
    </>
  )
}

function ThemeButton() {
  const [now, setNow] = useState(theme())
  useEffect(() => {
    const see = () => setNow(theme())
    addEventListener('themechange', see)
    return () => removeEventListener('themechange', see)
  }, [])
  const other = now === 'dark' ? 'light' : 'dark'
  return <button class="plain" onClick={toggleTheme} aria-label={`Use the ${other} theme`}>{now === 'dark' ? '☀' : '☾'}</button>
}

function Page() {
  const place = usePlace()
  const { connected, snapshot } = useStore()
  const current = place.startsWith('/streams') ? '/' : place
  const title = places.find((p) => p.path === current)?.title ?? 'Streams'
  useEffect(() => {
    document.title = `${place.startsWith('/streams/') ? decodeURIComponent(place.slice(9)) : title} – Leat`
  }, [place])
  return (
    <>
      <a class="hidden skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus() }}>To the content</a>
      <header class="top">
        <a class="brand" href="#/"><span aria-hidden="true">≈</span> Leat</a>
        <nav aria-label="Pages">
          {places.map((p) => (
            <a key={p.path} href={`#${p.path}`} aria-current={p.path === current ? 'page' : undefined}>{p.title}</a>
          ))}
        </nav>
        <span class={`link ${connected ? 'good' : 'bad'}`} role="status">{connected ? 'connected' : 'not connected'}</span>
        <ThemeButton />
      </header>
      <main id="main" tabIndex={-1}>
        <Body place={place} />
      </main>
      <footer class="soft small">
        <span>Leat {snapshot?.server.version}</span>
        <Act act={() => api.reload().then(() => say('The configuration was read again.'))}>Reload configuration</Act>
        <a href="/metrics">Metrics</a>
        <a href="/readyz">Readiness</a>
        <a href="/api/v1/openapi.yaml">API</a>
        <a href="/debug/pprof/">Profiles</a>
      </footer>
      <Notices />
    </>
  )
}

startTheme()
startStore()
render(<Page />, document.getElementById('page')!)
