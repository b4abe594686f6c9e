// Opens the vectors of stream_v1.json with OpenSSL, as Node.js carries it. It is
// written from the format in doc.go and shares no code with the Go package.
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'

const CHUNK = 65536

function open (v) {
  const sealed = Buffer.from(v.sealed, 'base64')
  if (sealed.length < 68 || sealed.subarray(0, 8).toString('latin1') !== 'tntfile\x01') throw new Error('not a sealed file')
  const header = sealed.subarray(0, 40)
  const key = Buffer.from(hkdfSync('sha256', Buffer.from(v.key, 'hex'), header.subarray(8), 'tenantfile/v1 aes-256-gcm', 32))
  const out = []
  for (let at = 40, index = 0n; at < sealed.length; index++) {
    const end = Math.min(at + CHUNK + 28, sealed.length)
    const last = end === sealed.length
    const position = Buffer.alloc(9)
    position.writeBigUInt64BE(index)
    position[8] = last ? 1 : 0
    const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(at, at + 12))
    cipher.setAAD(Buffer.concat([header, Buffer.from(v.tenant, 'hex'), Buffer.from(v.object, 'hex'), position]))
    cipher.setAuthTag(sealed.subarray(end - 16, end))
    const plain = Buffer.concat([cipher.update(sealed.subarray(at + 12, end - 16)), cipher.final()])
    if (last && plain.length === 0 && index > 0n) throw new Error('an empty chunk at the end')
    out.push(plain)
    at = end
  }
  return createHash('sha256').update(Buffer.concat(out)).digest('hex')
}

let agree = 0
for (const v of JSON.parse(readFileSync(process.argv[2])).vectors) {
  let got = null
  try { got = open(v) } catch { /* refused */ }
  const want = v.result === 'valid' ? v.sha256 : null
  if (got === want) agree++
  else console.error(`vector ${v.tcId} (${v.comment}): got ${got}, want ${want}`)
}
console.log(`${agree} vectors agree`)
