import mpegts from 'mpegts.js'
import { bufferDelay, Failed, follow, statusText, type Playing, type Source } from './player'

mpegts.LoggingControl.enableAll = false

export function playFLV(source: Source): Playing {
  const { video } = source
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url: `${source.base}.flv${source.query}` },
    { enableStashBuffer: false, autoCleanupSourceBuffer: true, autoCleanupMaxBackwardDuration: 30, autoCleanupMinBackwardDuration: 10, lazyLoad: false },
  )
  player.on(mpegts.Events.ERROR, (_type: string, detail: string, info?: { code?: number; msg?: string }) => {
    if (detail === mpegts.ErrorDetails.NETWORK_STATUS_CODE_INVALID) source.failed(statusText(info?.code ?? 0))
    else if (detail === mpegts.ErrorDetails.MEDIA_CODEC_UNSUPPORTED) source.failed(new Failed('This browser cannot decode the stream’s codecs.', true))
    else if (detail.startsWith('Media') || detail.startsWith('Format')) source.failed(new Failed('This browser cannot play the stream’s codecs as FLV.', true))
    else source.failed(new Failed('The connection broke.'))
  })
  player.on(mpegts.Events.LOADING_COMPLETE, () => source.failed(new Failed('The stream has ended.')))
  player.attachMediaElement(video)
  player.load()
  const unfollow = follow(video, 0.6)
  return {
    stop() {
      unfollow()
      player.destroy()
    },
    delay: () => bufferDelay(video),
  }
}
