// A player shows a live stream in a video element by one way of delivery. The code of each is loaded when it is needed.

export type Way = 'whep' | 'hls' | 'flv' | 'mp4'

export const names: Record<Way, string> = { whep: 'WebRTC', hls: 'HLS', flv: 'HTTP-FLV', mp4: 'fMP4' }

export interface Playing {
  // stop ends the delivery. The element can be used again.
  stop(): void
  // delay is how far behind the newest that has come, or is announced, the picture is, in seconds; null: not known.
  delay(): number | null
  // note says what of the stream this way leaves out.
  note?: string
}

// Failed says why a way does not work. When fatal is set, it will not work later either.
export class Failed extends Error {
  constructor(message: string, readonly fatal = false) {
    super(message)
  }
}

export interface Source {
  base: string // https://host/app/name, without an ending
  query: string // "" or "?…", as a token
  video: HTMLVideoElement
  whole?: boolean // rather nothing than a part of the stream
  signal: AbortSignal // aborted when the video is no longer this player's, who must leave it alone then
  failed(reason: Failed): void // called at most once, also after play has returned
}

// can reports whether this browser has what a way needs.
export function can(way: Way): boolean {
  const mse = 'MediaSource' in window || 'ManagedMediaSource' in window
  switch (way) {
    case 'whep':
      return 'RTCPeerConnection' in window
    case 'hls':
      return mse || nativeHLS()
    case 'flv':
    case 'mp4':
      return 'MediaSource' in window
  }
}

function nativeHLS(): boolean {
  return document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== ''
}

// order is what to try, the best first: the least delay, and then what the device does by itself.
export function order(): Way[] {
  const apple = nativeHLS() && !('MediaSource' in window && /Chrome|Chromium|Edg/.test(navigator.userAgent))
  const all: Way[] = apple ? ['whep', 'hls', 'mp4', 'flv'] : ['whep', 'flv', 'mp4', 'hls']
  return all.filter(can)
}

// play begins to play. It throws, or calls failed later, when that does not work.
export async function play(way: Way, source: Source): Promise<Playing> {
  let over = false
  const once: Source = {
    ...source,
    failed(reason) {
      if (!over) {
        over = true
        source.failed(reason)
      }
    },
  }
  const hls = 'MediaSource' in window || 'ManagedMediaSource' in window ? () => import('./hls').then((m) => m.playHLS) : () => import('./native').then((m) => m.playNative)
  const load: Record<Way, () => Promise<(s: Source) => Playing | Promise<Playing>>> = {
    whep: () => import('./whep').then((m) => m.playWHEP),
    flv: () => import('./flv').then((m) => m.playFLV),
    mp4: () => import('./mp4').then((m) => m.playMP4),
    hls,
  }
  const start = await load[way]()
  given(source)
  return start(once)
}

// given throws when the player was given up.
export function given(source: Source) {
  if (source.signal.aborted) throw new Failed('It was given up.')
}

// bufferDelay is how much of what has come is not shown yet.
export function bufferDelay(video: HTMLVideoElement): number | null {
  const { buffered } = video
  if (buffered.length === 0 || video.readyState < 2) return null
  return Math.max(0, buffered.end(buffered.length - 1) - video.currentTime)
}

// statusText says what an HTTP status means for a person who wants to watch.
export function statusText(status: number): Failed {
  switch (status) {
    case 401:
    case 403:
      return new Failed('You may not watch this stream from here, or the address lacks its token.', true)
    case 404:
      return new Failed('The stream is not live.')
    case 406:
    case 415:
      return new Failed('The stream’s codecs cannot be sent this way.', true)
    case 503:
      return new Failed('The server has as many viewers as it takes.')
  }
  return new Failed(`The server answered with status ${status}.`)
}

// follow keeps a video near the newest frame of a stream without end: faster by a little when it falls behind, and a jump
// when it is far behind, or when what it waits for lies beyond a gap. It returns what ends it.
export function follow(video: HTMLVideoElement, target: number): () => void {
  const timer = setInterval(() => {
    const { buffered } = video
    if (buffered.length === 0 || video.paused) return
    const end = buffered.end(buffered.length - 1)
    const behind = end - video.currentTime
    const start = buffered.start(buffered.length - 1)
    if (behind > target + 4 || video.currentTime < start) {
      video.currentTime = Math.max(start, end - target)
    } else {
      video.playbackRate = behind > target + 0.5 ? 1.08 : 1
    }
  }, 250)
  return () => clearInterval(timer)
}
