// Opens the vectors of sealed_v1.json with OpenSSL, as Node.js carries it. It is
// written from the format in doc.go and shares no code with the Go package.
import { createDecipheriv, hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'

const lp = (bytes) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function open (v) {
  const sealed = Buffer.from(v.sealed, 'hex')
  if (sealed.length < 65 || sealed[0] !== 1 || sealed.readUInt32BE(1) === 0) throw new Error('not a sealed value')
  const salt = sealed.subarray(5, 37)
  const nonce = sealed.subarray(37, 49)
  const ciphertext = sealed.subarray(49, -16)
  const key = hkdfSync('sha256', Buffer.from(v.dataKey, 'hex'), salt, 'tenantseal/v1 aes-256-gcm', 32)
  const cipher = createDecipheriv('aes-256-gcm', Buffer.from(key), nonce)
  cipher.setAAD(Buffer.concat([
    sealed.subarray(0, 5),
    Buffer.from(v.tenant, 'hex'),
    lp(Buffer.from(v.table)), lp(Buffer.from(v.column)), lp(Buffer.from(v.row, 'hex'))
  ]))
  cipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(ciphertext), cipher.final()]).toString('hex')
}

let agree = 0
for (const v of JSON.parse(readFileSync(process.argv[2])).vectors) {
  let got = null
  try { got = open(v) } catch { /* refused */ }
  const want = v.result === 'valid' ? v.plaintext : null
  if (got === want) agree++
  else console.error(`vector ${v.tcId} (${v.comment}): got ${got}, want ${want}`)
}
console.log(`${agree} vectors agree`)
