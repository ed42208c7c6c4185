// Saving a picture as a file of the person who looks.

export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** The frame a video shows now, as a JPEG; null before there is one. */
export async function frameOf(video: HTMLVideoElement): Promise<Blob | null> {
  if (video.readyState < 2) return null
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')?.drawImage(video, 0, 0)
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92))
}

export function pictureName(camera: string, at: number): string {
  return `${camera}_${new Date(at).toISOString().slice(0, 19).replaceAll(':', '-')}Z.jpg`
}
