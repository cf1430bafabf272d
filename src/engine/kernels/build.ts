/**
 * Compiles the kernels twice: dist/kernels.relaxed.wasm uses relaxed SIMD, dist/kernels.simd.wasm is its twin for
 * engines without it (Safari, older browsers).
 */
import { mkdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import asc from 'assemblyscript/asc'

const source = 'src/engine/kernels/index.kernel.ts'

await mkdir('dist', { recursive: true })
for (const [name, features] of [
  ['relaxed', 'simd,relaxed-simd'],
  ['simd', 'simd'],
] as const) {
  const outFile = `dist/kernels.${name}.wasm`
  const { error, stderr } = await asc.main([
    source,
    ...['--outFile', outFile, '--enable', features],
    ...['-O1', '--noAssert', '--runtime', 'stub', '--importMemory', '--memoryBase', '16', '--use', 'abort='],
  ])
  if (error) {
    console.error(stderr.toString())
    process.exit(1)
  }
  const bytes = await readFile(outFile)
  console.log(`${outFile}  ${bytes.length} bytes, ${gzipSync(bytes).length} gzip`)
}
