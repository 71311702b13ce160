import Hls from 'hls.js'
import { Failed, statusText, type Playing, type Source } from './player'

export function playHLS(source: Source): Playing {
  const { video } = source
  const hls = new Hls({ lowLatencyMode: true, backBufferLength: 30, manifestLoadingMaxRetry: 0 } as Partial<Hls['config']>)
  let recovered = false
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recovered && data.details !== Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      recovered = true
      hls.recoverMediaError()
      return
    }
    const status = data.response?.code ?? 0
    if (status >= 400) source.failed(statusText(status))
    else if (data.type === Hls.ErrorTypes.MEDIA_ERROR) source.failed(new Failed('This browser cannot play the stream’s codecs.', true))
    else source.failed(new Failed('The connection broke.'))
  })
  hls.on(Hls.Events.LEVEL_UPDATED, (_, data) => {
    if (!data.details.live) video.addEventListener('ended', () => source.failed(new Failed('The stream has ended.')), { once: true })
  })
  hls.loadSource(`${source.base}.m3u8${source.query}`)
  hls.attachMedia(video)
  return {
    stop: () => hls.destroy(),
    delay() {
      const date = hls.playingDate // by the clock of the server, which the playlist tells
      const off = date ? (Date.now() - date.getTime()) / 1000 : NaN
      if (off > -1 && off < 120) return Math.max(0, off)
      return hls.latency > 0 ? hls.latency : null
    },
  }
}
