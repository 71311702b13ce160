import { bufferDelay, Failed, follow, type Playing, type Source } from './player'

const maxQueued = 32 << 20 // bytes; a browser that takes none of them for so long does not play

// playMP4 feeds a SourceBuffer from a WebSocket: the MIME type of each initialization segment as text, then segments.
export function playMP4(source: Source): Playing {
  const { video } = source
  const media = new MediaSource()
  const queue: ArrayBuffer[] = []
  let queued = 0
  let buffer: SourceBuffer | undefined
  let stopped = false
  let placed = false

  const url = URL.createObjectURL(media)
  video.src = url
  const socket = new WebSocket(`${source.base.replace(/^http/, 'ws')}.mp4${source.query}`)
  socket.binaryType = 'arraybuffer'

  function feed() {
    if (!buffer || buffer.updating || stopped || media.readyState !== 'open') return
    const { buffered } = buffer
    if (buffered.length > 0 && !placed) {
      placed = true // timestamps are the stream's own: begin where it is now
      video.currentTime = buffered.start(0)
    }
    if (buffered.length > 0 && video.currentTime - buffered.start(0) > 30) {
      buffer.remove(0, video.currentTime - 10)
      return
    }
    const next = queue.shift()
    if (!next) return
    queued -= next.byteLength
    try {
      buffer.appendBuffer(next)
    } catch (e) {
      source.failed(new Failed(`This browser takes no more of the stream (${(e as Error).name}).`))
    }
  }
  function use(type: string) {
    if (!MediaSource.isTypeSupported(type)) {
      source.failed(new Failed('This browser cannot decode the stream’s codecs.', true))
      return
    }
    if (buffer) {
      buffer.changeType(type)
      return
    }
    buffer = media.addSourceBuffer(type)
    buffer.addEventListener('updateend', feed)
    buffer.addEventListener('error', () => source.failed(new Failed('This browser cannot decode the stream.')))
  }
  const types: string[] = []
  const opened = new Promise<void>((done) => media.addEventListener('sourceopen', () => done(), { once: true }))
  void opened.then(() => {
    URL.revokeObjectURL(url)
    for (const type of types) use(type)
    feed()
  })
  socket.onmessage = (e) => {
    if (stopped) return
    if (typeof e.data === 'string') {
      if (media.readyState === 'open') use(e.data)
      else types.push(e.data)
      return
    }
    queue.push(e.data)
    queued += e.data.byteLength
    if (queued > maxQueued) source.failed(new Failed('This device is too slow for the stream.'))
    else feed()
  }
  socket.onclose = (e) => {
    if (!stopped) source.failed(new Failed(e.wasClean ? 'The stream has ended.' : 'The stream is not live, or the connection broke.'))
  }
  const unfollow = follow(video, 0.4)
  return {
    stop() {
      stopped = true
      unfollow()
      socket.close()
      video.removeAttribute('src')
      video.load()
    },
    delay: () => bufferDelay(video),
  }
}
