import { Failed, given, statusText, type Playing, type Source } from './player'

// playWHEP asks for the stream over WebRTC (WHEP): the offer goes by POST, the session ends by DELETE.
export async function playWHEP(source: Source): Promise<Playing> {
  const { video } = source
  const pc = new RTCPeerConnection()
  const stream = new MediaStream()
  let session = ''
  let note: string | undefined
  let timer = 0
  let behind: number | null = null
  const stop = () => {
    clearInterval(timer)
    pc.close()
    if (video.srcObject === stream) video.srcObject = null
    if (session) void fetch(session, { method: 'DELETE', keepalive: true }).catch(() => undefined)
  }
  try {
    pc.addTransceiver('video', { direction: 'recvonly' })
    pc.addTransceiver('audio', { direction: 'recvonly' })
    pc.ontrack = (e) => {
      stream.addTrack(e.track)
      if (!source.signal.aborted) video.srcObject = stream
    }
    await pc.setLocalDescription(await pc.createOffer())
    await gathered(pc)
    given(source)
    const url = `${source.base}/whep${source.query}`
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp', ...(source.whole && { Prefer: 'handling=strict' }) },
      body: pc.localDescription!.sdp,
    })
    if (!answer.ok) throw answer.status === 405 ? new Failed('The stream is not offered over WebRTC.', true) : statusText(answer.status)
    if (!answer.headers.get('Content-Type')?.startsWith('application/sdp')) throw new Failed('The stream is not offered over WebRTC.', true)
    const leftOut = answer.headers.get('Leat-Left-Out')
    if (leftOut) note = `without ${leftOut}`
    const location = answer.headers.get('Location')
    if (location) session = new URL(location, url).href
    await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
  } catch (e) {
    stop()
    throw e instanceof Failed ? e : new Failed('WebRTC does not work here.')
  }
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === 'failed') source.failed(new Failed('The WebRTC connection broke.'))
  }
  timer = window.setInterval(async () => {
    behind = delayIn(await pc.getStats())
  }, 1000)
  return { stop, delay: () => behind, note }
}

// gathered waits until the candidates are known, but not for long.
function gathered(pc: RTCPeerConnection): Promise<void> {
  return new Promise((done) => {
    const late = setTimeout(done, 1500)
    const check = () => {
      if (pc.iceGatheringState !== 'complete') return
      clearTimeout(late)
      done()
    }
    pc.addEventListener('icegatheringstatechange', check)
    check()
  })
}

// delayIn is the mean wait in the jitter buffer, and half a round trip.
function delayIn(stats: RTCStatsReport): number | null {
  let wait: number | null = null
  let trip = 0
  stats.forEach((s) => {
    if (s.type === 'inbound-rtp' && s.kind === 'video' && s.jitterBufferEmittedCount > 0) wait = s.jitterBufferDelay / s.jitterBufferEmittedCount
    if (s.type === 'candidate-pair' && s.nominated && s.currentRoundTripTime) trip = s.currentRoundTripTime
  })
  return wait === null ? null : wait + trip / 2
}
