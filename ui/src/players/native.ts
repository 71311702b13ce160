import { Failed, given, statusText, type Playing, type Source } from './player'

// playNative leaves HLS to the browser, as on phones that do it by themselves.
export async function playNative(source: Source): Promise<Playing> {
  const { video } = source
  const url = `${source.base}.m3u8${source.query}`
  const answer = await fetch(url)
  given(source)
  if (!answer.ok) throw statusText(answer.status)
  const failed = () => source.failed(new Failed('This browser cannot play the stream.', video.error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED))
  const ended = () => source.failed(new Failed('The stream has ended.'))
  video.addEventListener('error', failed)
  video.addEventListener('ended', ended)
  video.src = url
  return {
    stop() {
      video.removeEventListener('error', failed)
      video.removeEventListener('ended', ended)
      video.removeAttribute('src')
      video.load()
    },
    delay() {
      const { seekable } = video
      return seekable.length > 0 ? Math.max(0, seekable.end(seekable.length - 1) - video.currentTime) : null
    },
  }
}
