// What all scripts that need a browser share: Debian's Chromium, headless, that talks to nobody but the server.
import { chromium } from 'playwright-core'
import { existsSync } from 'node:fs'

const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']

export async function open() {
  const executablePath = process.env.CHROMIUM ?? paths.find(existsSync)
  if (!executablePath) {
    console.error('Chromium is needed (Debian: apt install chromium); if it is elsewhere, set CHROMIUM to its path')
    process.exit(1)
  }
  return chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--mute-audio', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    ],
  })
}

// watchPage collects what a page must not do: errors, and requests to other servers.
export function guard(page, allowed) {
  const wrong = []
  page.on('pageerror', (e) => wrong.push(`error: ${e.message}`))
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text())) wrong.push(m.text())
  })
  page.on('request', (r) => {
    const url = new URL(r.url())
    if (/^(https?|wss?):$/.test(url.protocol) && !allowed.includes(url.host)) wrong.push(`request to ${url.host}`)
  })
  return wrong
}
