// For each part finds the smallest number so that SHA-256 (FIPS 180-4) of seed, part and number begins with so
// many zero bits. The message of 24 bytes is one block, so all of it is one compression.
"use strict";

const firstBits = (root) => {
  // The first 32 bits of the fractional part of a root (FIPS 180-4, 4.2.2 and 5.3.3).
  return Math.floor((root - Math.floor(root)) * 4294967296) | 0;
};
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const K = Int32Array.from(primes, (p) => firstBits(Math.cbrt(p)));
const START = Int32Array.from(primes.slice(0, 8), (p) => firstBits(Math.sqrt(p)));
const w = new Int32Array(64);

// The first 32 bits of the hash of the block in w[0..15].
const hash = () => {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = START;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  return (START[0] + a) | 0;
};

self.onmessage = ({ data: { seed, parts, bits } }) => {
  const numbers = [];
  for (let part = 0; part < parts; part++) {
    for (let i = 0; i < 4; i++) w[i] = parseInt(seed.slice(8 * i, 8 * i + 8), 16) | 0;
    w[4] = part;
    w[6] = 0x80000000 | 0;
    w.fill(0, 7, 15);
    w[15] = 192;
    let number = 0;
    for (w[5] = 0; hash() >>> (32 - bits); w[5] = ++number);
    numbers.push(number);
    self.postMessage(numbers);
  }
};
