// What every journey has beside its library: a connection to the bank, and somebody who plays the customer.
//
// Both libraries leave the connection to whoever uses them: `customFetch` with a dispatcher of undici is how their documentation
// does mutual TLS. The other end of standard input and output has a browser: it is sent an URL and answers where that led.
import { X509Certificate, createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Agent, fetch } from 'undici'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function heard() {
  const { value, done } = await lines.next()
  if (done) throw new Error('nobody is there any more')
  return JSON.parse(value)
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`)

export const plan = await heard()

/** Where the customer's browser is sent in the end. */
export async function customer(does, url) {
  say({ open: url.href ?? url, customer: does })
  return new URL((await heard()).landed)
}

export function told(what) {
  say({ told: what })
  process.stdin.destroy()
}

// RFC 6761 s6.3: localhost and all below it are this machine
function loopback(name, options, callback) {
  if (name !== 'localhost' && !name.endsWith('.localhost')) return callback(new Error(`${name} is not this machine`))
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

export function connection(ca, [certificate, key]) {
  const [authorities, cert, secret] = [ca, certificate, key].map((file) => readFileSync(file))
  const dispatcher = new Agent({ connect: { ca: authorities, cert, key: secret, lookup: loopback } })
  return (url, options) => fetch(url, { ...options, dispatcher })
}

/** RFC 8705 s3.1, of the first certificate of a file. */
export function thumbprint(file) {
  return createHash('sha256').update(new X509Certificate(readFileSync(file)).raw).digest('base64url')
}

/** What an error says, if it is one of that kind. */
export async function refusal(kind, act) {
  try {
    await act()
  } catch (error) {
    if (error instanceof kind) return error
    throw error
  }
  throw new Error('nothing was refused')
}
