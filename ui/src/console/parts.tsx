import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

export function Panel(props: { title: string; aside?: ComponentChildren; children: ComponentChildren; id?: string }) {
  return (
    <section class="panel" aria-label={props.title} id={props.id}>
      <header>
        <h2>{props.title}</h2>
        <div class="aside">{props.aside}</div>
      </header>
      {props.children}
    </section>
  )
}

export function Stat(props: { label: string; value: ComponentChildren; tone?: string; title?: string }) {
  return (
    <div class="stat" title={props.title}>
      <dt>{props.label}</dt>
      <dd class={props.tone}>{props.value}</dd>
    </div>
  )
}

export function Badge(props: { tone: 'good' | 'warn' | 'bad' | 'plain'; children: ComponentChildren }) {
  return <span class={`badge ${props.tone}`}>{props.children}</span>
}

// Copy is a line to type elsewhere, with a button that copies it.
export function Copy(props: { text: string; label: string }) {
  const [done, setDone] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text)
      setDone(true)
      setTimeout(() => setDone(false), 1500)
    } catch {
      setDone(false) // plain HTTP from elsewhere: the line can be selected
    }
  }
  return (
    <div class="copy">
      <code>{props.text}</code>
      <button class="plain" onClick={copy} aria-label={`Copy ${props.label}`}>
        {done ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}

// Act is a button for what takes a moment. What cannot be undone asks first.
export function Act(props: { children: ComponentChildren; label?: string; confirm?: string; danger?: boolean; act(): Promise<unknown>; done?(): void }) {
  const [busy, setBusy] = useState(false)
  const click = async () => {
    if (props.confirm && !(await ask(props.confirm))) return
    setBusy(true)
    try {
      await props.act()
      props.done?.()
    } catch (e) {
      say((e as Error).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <button class={props.danger ? 'danger' : ''} disabled={busy} onClick={click} aria-label={props.label}>
      {props.children}
    </button>
  )
}

// Notices and questions are shown by one place of the page.
let show: (n: { text: string; answer?: (yes: boolean) => void } | null) => void = () => undefined

export function say(text: string) {
  show({ text })
}

function ask(text: string): Promise<boolean> {
  return new Promise((answer) => show({ text, answer }))
}

export function Notices() {
  const [notice, setNotice] = useState<{ text: string; answer?: (yes: boolean) => void } | null>(null)
  const dialog = useRef<HTMLDialogElement>(null)
  show = setNotice
  useEffect(() => {
    if (!notice) return
    if (notice.answer) {
      dialog.current?.showModal()
      return
    }
    const timer = setTimeout(() => setNotice(null), 6000)
    return () => clearTimeout(timer)
  }, [notice])
  const close = (yes: boolean) => {
    notice?.answer?.(yes)
    setNotice(null)
  }
  if (notice?.answer) {
    return (
      <dialog ref={dialog} onCancel={() => close(false)}>
        <p>{notice.text}</p>
        <div class="row end">
          <button onClick={() => close(false)}>Cancel</button>
          <button class="primary" onClick={() => close(true)}>Yes</button>
        </div>
      </dialog>
    )
  }
  return (
    <div class="notices" role="status" aria-live="polite">
      {notice && <div class="notice">{notice.text}</div>}
    </div>
  )
}
