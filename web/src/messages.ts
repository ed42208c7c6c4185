// Every word the pages say. To translate: copy this object and keep the keys.
import type { Camera, Cover } from './api/client'

const gapCauses: Record<string, string> = {
  camera_away: 'the camera was away',
  camera_silent: 'the camera sent nothing',
  stopped: 'recording was stopped',
  crashed: 'a part of Fairview crashed',
  clock_jump: 'the camera’s clock jumped',
  disk_full: 'the disk was full',
  disk_failed: 'the disk failed',
  overloaded: 'the machine was overloaded',
  lost_packets: 'pictures were lost on the way',
  review_overdue: 'the register entry was overdue for review',
}

const healthWords: Record<Camera['health'], string> = {
  recording: 'Recording',
  away: 'Away',
  stopped: 'Stopped',
  starting: 'Starting',
}

const covers: Record<Cover, { name: string; more: string }> = {
  silhouettes: {
    name: 'Covered',
    more: 'silhouettes on a clean picture',
  },
  whole_frame: {
    name: 'Whole frame covered',
    more: 'only outlines of movement',
  },
  uncovered: { name: 'Uncovered', more: '' },
}

const errors: Record<string, string> = {
  silent: 'The server does not answer. It is tried again when you are.',
  our_mistake: 'Something went wrong on the server. Please tell the person who runs it.',
}

const roles: Record<string, string> = {
  administrator: 'administrator',
  operator: 'operator',
  privacy_officer: 'privacy officer',
  auditor: 'auditor',
}

export const t = {
  product: 'Fairview',
  motto: 'Cameras without identifying anyone, open to check.',
  skip: 'Skip to the page',
  nav: { label: 'Main', cameras: 'Cameras', ledger: 'Ledger', health: 'Health', out: 'Sign out' },
  signedInAs: (name: string) => `Signed in as ${name}`,
  roleNames: (names: string[]) => names.map((name) => roles[name] ?? name).join(', '),
  loading: 'Loading…',
  again: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  notFound: { title: 'Nothing here', text: 'This page does not exist.', home: 'To the cameras' },
  error: (kind: string, message: string) => errors[kind] ?? capital(message),

  signIn: {
    title: 'Sign in',
    name: 'Name',
    password: 'Password',
    action: 'Sign in',
    publicLedger: 'Read the public ledger without signing in',
    needsSetUp:
      'Nobody has an account here yet. Open the one-time set-up link that Fairview printed when it started.',
  },
  setUp: {
    title: 'The first account',
    intro: 'This link works once. Choose a name and a password for the first account.',
    can: 'This account may',
    canList: [
      'add and remove cameras, each with a public register entry',
      'look at covered pictures, live and recorded',
      'approve the clean pictures that covering relies on',
    ],
    cannot: 'It may not',
    cannotList: [
      'see uncovered pictures of people: that needs a case and two signatures',
      'look at anything without a line in the public ledger',
    ],
    separate: 'A site with more people should give these roles to different persons.',
    name: 'Name',
    nameHint: 'Small letters, digits, dot, dash. The public ledger says “somebody”, never this name.',
    password: 'Password',
    passwordHint: 'A long one. It is the only way in.',
    repeat: 'The same password again',
    differ: 'The two passwords differ.',
    action: 'Make the account',
    noLink: 'The link has lost its secret part. Copy the whole link that Fairview printed.',
  },

  home: {
    title: 'Cameras',
    add: 'Add a camera',
    empty: 'No camera yet. The first one begins recording as soon as it is added.',
    note: 'Everyone is covered before a picture is shown. Opening this wall is one line in the ledger.',
    waits: 'A clean picture waits for approval',
    count: (n: number) => (n === 1 ? '1 camera' : `${n} cameras`),
    openCamera: (title: string) => `Open ${title}`,
  },
  health: (name: Camera['health']) => healthWords[name],
  cover: (name: Cover) => covers[name],

  live: {
    starting: 'Connecting…',
    waiting: 'Waiting for the camera…',
    paused: 'Paused while this page was hidden',
    ended: 'No live picture',
    label: (title: string) => `Live picture of ${title}`,
    live: 'Live',
    dropped: (n: number) => `${n} pieces skipped, the connection is slow`,
  },
  camera: {
    back: 'All cameras',
    recorded: 'Recorded',
    toLive: 'Back to live',
    minus: 'Back 10 seconds',
    plus: 'Forward 10 seconds',
    play: 'Play',
    pause: 'Pause',
    snapshot: 'Save picture',
    exportIt: 'Export…',
    showRaw: (presence: string) =>
      presence === 'simulated' ? 'Show the uncovered simulated picture' : 'Show the uncovered picture',
    showCovered: 'Show the covered picture',
    rawName: (presence: string) =>
      presence === 'simulated'
        ? { name: 'Uncovered, simulated', more: 'nobody in this picture is real' }
        : { name: 'Uncovered', more: 'no persons in view, signed and published' },
    commissioning: (until: string) => `Commissioning: uncovered until ${until}. Every look is in the ledger.`,
    leaf: (leaf: number) => `Ledger line ${leaf}`,
    leafHelp: 'This look stands in the public ledger.',
    noFootage: 'There is no footage here.',
    failed: 'This footage can’t be played.',
    playing: (when: string) => `Recorded, ${when}`,
    why: 'Why this camera is here',
    register: {
      purpose: 'Purpose',
      legal_basis: 'Legal basis',
      operator: 'Run by',
      contact: 'Contact',
      area: 'Looks at',
      retention: 'Kept for',
      review: 'Next review',
      presence: 'In the picture',
    },
    hours: (h: number) => (h % 24 === 0 && h > 24 ? `${h / 24} days` : `${h} hours`),
    presence: {
      persons: 'people may be; they are covered',
      no_persons: 'no persons, signed by the privacy officer',
      simulated: 'a simulation; nobody is real',
    } as Record<string, string>,
    remove: 'Remove this camera',
    removeSure: (title: string) =>
      `Stop recording ${title}? Its footage stays until its retention ends.`,
    removeYes: 'Stop and remove',
    awayTitle: 'This camera is away',
  },
  timeline: {
    label: 'Timeline of the last footage. Arrow keys move, Enter plays.',
    zone: (zone: string) => `Times in ${zone}`,
    earlier: 'A day earlier',
    later: 'A day later',
    closer: 'Show less time',
    wider: 'Show more time',
    footage: 'Footage',
    gap: 'Gap',
    gapText: (because: string) => `No footage: ${gapCauses[because] ?? because}`,
    nothing: 'Nothing kept',
    strip: 'Thumbnails of a day are one look in the ledger.',
    now: 'now',
  },
  exporting: {
    title: 'Export footage',
    from: 'From',
    to: 'To',
    kind: 'As',
    mp4: 'Video (MP4)',
    zip: 'Evidence bundle (ZIP) with proofs',
    rendition: (isRaw: boolean) => (isRaw ? 'Uncovered, as shown.' : 'Covered, as shown.'),
    note: 'An export is its own line in the ledger.',
    action: 'Download',
    order: 'The end must come after the beginning.',
    long: 'At most one hour at a time.',
  },
  clean: {
    title: 'A clean picture waits for you',
    text: 'This is the empty scene that covered pictures are drawn on. Approve it only if no person, no vehicle and nothing that was passing is left in it. Seeing it is a line in the ledger.',
    show: 'Look at it',
    approve: 'Approve: nobody is in it',
    refuse: 'Refuse: make another',
    made: (when: string) => `Made ${when}`,
    alt: 'The clean picture that waits for approval',
  },
  add: {
    title: 'Add a camera',
    step1: 'Where is it?',
    address: 'Address',
    addressHint: 'rtsp://host:554/path, without name and password',
    sub: 'Second, smaller stream (if it has one)',
    login: 'The camera’s own login',
    loginName: 'User name',
    loginPassword: 'Password',
    loginHint: 'Kept sealed, never shown again.',
    probe: 'Look what is there',
    probing: 'Asking the camera, up to 10 seconds…',
    found: 'Found',
    foundText: (w: number, h: number, codec: string) => `${w} × ${h}, ${codec.toUpperCase()}`,
    fps: (fps: number) => `${Math.round(fps * 10) / 10} pictures a second`,
    keys: (s: number) => `a key picture every ${Math.round(s * 10) / 10} s`,
    rate: (bits: number) => `${(bits / 1_000_000).toFixed(1)} Mbit/s`,
    audio: 'It offers sound. Fairview never opens it.',
    step2: 'What is it called?',
    titleField: 'Title',
    name: 'Short name',
    nameHint: 'Small letters, digits and dashes; it can’t be changed.',
    step3: 'Why is it there?',
    step3Text: 'This entry is public. No camera runs without one.',
    defaults: 'Use this site’s own entry',
    purpose: 'Purpose',
    purposeHint: 'Traffic counts for the crossing study',
    legal: 'Legal basis',
    legalHint: 'City order 7, section 2',
    operator: 'Run by',
    contact: 'Where residents can write',
    area: 'What it looks at',
    retention: 'Footage is kept for (hours)',
    review: 'Reviewed again on',
    presence: 'Who can be in the picture?',
    presencePersons: 'People can be in it',
    presenceNone: 'No persons in view (the privacy officer signs for it)',
    commissioning: 'It is being put up: uncovered for 24 hours, every look in the ledger',
    action: 'Add the camera',
  },
  ledger: {
    title: 'The public ledger',
    intro:
      'Every look at footage, every deletion and every change of a camera is a line in a signed, append-only ledger. Nobody can take a line out again without everyone noticing.',
    size: 'Lines',
    root: 'Root over all lines',
    signed: 'Signed',
    lines: 'The newest lines',
    leaf: 'Line',
    when: 'When',
    what: 'What happened',
    verify: 'Check it yourself',
    verifyText:
      'The ledger is a public standard (RFC 6962 tree, C2SP tlog-tiles). Copy its checkpoint and tiles into a folder, then check the copy without this server:',
    verifyFiles: (origin: string) => `${origin}/ledger/checkpoint, …/tile/`,
    verifyCommand: 'fairview verify FOLDER',
    files: 'Signed checkpoint',
    empty: 'No line yet.',
  },
  healthPage: {
    title: 'Health',
    cameras: 'Cameras',
    events: 'What changed lately',
    none: 'Nothing to report.',
    node: 'This node',
    newest: (when: string) => `newest footage ${when}`,
    never: 'no footage yet',
  },
}

export function capital(text: string): string {
  return text === '' ? text : text.charAt(0).toUpperCase() + text.slice(1)
}

export function kindText(kind: string): string {
  return capital(kind.replaceAll('_', ' ').replaceAll('.', ': '))
}
