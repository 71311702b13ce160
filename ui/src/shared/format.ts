// Numbers as people read them.

export function bitrate(bits: number): string {
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(bits >= 1e8 ? 0 : bits >= 1e7 ? 1 : 2)} Mbit/s`
  return `${Math.round(bits / 1000)} kbit/s`
}

export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let i = 0
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`
}

export function fps(n: number): string {
  return n === 0 ? '–' : `${Number(n.toFixed(n % 1 === 0 ? 0 : 2))} fps`
}

// ms is a time in milliseconds, or seconds where that is easier to read.
export function ms(n: number): string {
  return Math.abs(n) < 1000 ? `${Math.round(n)} ms` : `${(n / 1000).toFixed(Math.abs(n) < 10_000 ? 2 : 1)} s`
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const pad = (n: number) => String(n).padStart(2, '0')
  const d = Math.floor(s / 86_400)
  const h = Math.floor(s / 3600) % 24
  if (d > 0) return `${d} d ${h} h`
  return h > 0 ? `${h}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`
}

export function since(at: string, now: number): string {
  return duration(now - Date.parse(at))
}

export function clock(at: string): string {
  return new Date(at).toLocaleTimeString()
}

export function moment(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

export function count(n: number, one: string, many = one + 's'): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`
}
