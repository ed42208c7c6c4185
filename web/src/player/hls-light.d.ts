// The light build has the same interface as the full one, but the package ships no types for it.
declare module 'hls.js/light' {
  export { default } from 'hls.js'
}
