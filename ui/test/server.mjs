// A server of its own ports and folder, and ffmpeg as its publisher. Whatever was started ends with stop.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const running = new Set()
const folders = []

function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.on('error', (e) => {
    console.error(e.code === 'ENOENT' ? `${command} is needed: make setup installs it` : `${command}: ${e.message}`)
    process.exit(1)
  })
  child.on('exit', () => running.delete(child))
  return child
}

// serve starts the program and returns the addresses of its doors, once they are open.
export async function serve(program, ...more) {
  const data = mkdtempSync(join(tmpdir(), 'leat-browser-'))
  folders.push(data)
  const child = run(program, [
    'serve', '--rtmp', '127.0.0.1:0', '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', data, '--log-format', 'json', ...more,
  ])
  const log = []
  return new Promise((done, fail) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line)
      const event = JSON.parse(line)
      if (event.msg === 'ready') done({ rtmp: event.rtmp, http: event.http, admin: event.admin, log })
    })
    child.on('exit', (code) => fail(new Error(`leat ended with ${code}:\n${log.join('\n')}`)))
  })
}

// publish sends a test picture and a tone until stop.
export function publish(url, { size = '640x360', rate = 30, bitrate = '800k', tone = 440, seconds = 600, source = 'testsrc2' } = {}) {
  const child = run('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', `${source}=size=${size}:rate=${rate}`,
    '-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000`, '-t', String(seconds),
    '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(2 * rate), '-b:v', bitrate, '-pix_fmt', 'yuv420p',
    '-c:a', 'aac', '-b:a', '96k', '-f', 'flv', url,
  ])
  const log = []
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  child.stdout.resume()
  return { log, kill: () => child.kill('SIGKILL') }
}

// play reads a stream and throws it away.
export function play(url) {
  const child = run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-i', url, '-c', 'copy', '-f', 'null', '-'])
  child.stderr.resume()
  child.stdout.resume()
}

// stop ends all that was started, and waits for it.
export async function stop() {
  await Promise.all([...running].map((child) => new Promise((done) => {
    child.on('exit', done)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 8000).unref()
  })))
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
