import { useEffect, useState } from 'preact/hooks'
import { api, listen, type Event, type Sample, type Snapshot, type Stream } from './api'

// What the server has told so far, for the whole page.

const maxSamples = 120
const maxEvents = 100

export interface State {
  connected: boolean
  snapshot: Snapshot | null
  rates: { at: number; in: number; out: number }[] // bits per second of the server, by the second
  events: Event[] // newest first
}

let state: State = { connected: false, snapshot: null, rates: [], events: [] }
const samples = new Map<string, Sample[]>()
const watchers = new Set<() => void>()

function change(next: Partial<State>) {
  state = { ...state, ...next }
  for (const w of watchers) w()
}

let last: { at: number; in: number; out: number } | null = null

const maxRecalled = 20 // streams whose history is asked for when the page begins

function take(s: Snapshot) {
  if (!state.snapshot) {
    for (const stream of s.streams.slice(0, maxRecalled)) api.stream(stream.name).then(recall, () => undefined) // charts fill up without it
  }
  for (const stream of s.streams) {
    const list = samples.get(stream.name) ?? []
    list.push({ at: s.at, bitrate: stream.bitrate, fps: stream.fps, players: stream.players })
    if (list.length > maxSamples) list.shift()
    samples.set(stream.name, list)
  }
  for (const name of samples.keys()) {
    if (!s.streams.some((x) => x.name === name)) samples.delete(name)
  }
  const now = { at: Date.parse(s.at), in: s.server.bytes_in, out: s.server.bytes_out }
  const rates = state.rates.slice(-maxSamples + 1)
  if (last && now.at > last.at && now.in >= last.in) {
    const seconds = (now.at - last.at) / 1000
    rates.push({ at: now.at, in: ((now.in - last.in) * 8) / seconds, out: Math.max(0, ((now.out - last.out) * 8) / seconds) })
  }
  last = now
  change({ snapshot: s, rates, connected: true })
}

const key = (e: Event) => `${e.at} ${e.kind} ${e.connection} ${e.remote}`

function happen(e: Event) {
  if (state.events.some((x) => key(x) === key(e))) return // told again after a break
  change({ events: [e, ...state.events].slice(0, maxEvents) })
}

// startStore listens as long as the page is open.
export function startStore() {
  listen({ snapshot: take, event: happen, state: (connected) => change({ connected }) })
}

// useStore returns the state and draws anew when it changes.
export function useStore(): State {
  const [, draw] = useState(0)
  useEffect(() => {
    const watch = () => draw((n) => n + 1)
    watchers.add(watch)
    return () => void watchers.delete(watch)
  }, [])
  return state
}

export function samplesOf(name: string): Sample[] {
  return samples.get(name) ?? []
}

// recall puts the history that the server kept before what the page has seen itself.
export function recall(stream: Stream) {
  const seen = samples.get(stream.name) ?? []
  const first = seen.length > 0 ? Date.parse(seen[0].at) : Infinity
  const before = (stream.history ?? []).filter((s) => Date.parse(s.at) < first - 500)
  samples.set(stream.name, [...before, ...seen].slice(-maxSamples))
}

// usePoll asks again and again, as long as the component is shown. again asks at once.
export function usePoll<T>(ask: () => Promise<T>, every: number, deps: unknown[]): { value: T | null; error: string; again(): void } {
  const [value, setValue] = useState<T | null>(null)
  const [error, setError] = useState('')
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let over = false
    let timer = 0
    const round = async () => {
      try {
        const v = await ask()
        if (over) return
        setValue(v)
        setError('')
      } catch (e) {
        if (!over) setError((e as Error).message)
      }
      if (!over) timer = window.setTimeout(round, every)
    }
    void round()
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [...deps, turn])
  return { value, error, again: () => setTurn((n) => n + 1) }
}
