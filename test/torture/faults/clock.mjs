// Preloaded: the process's clock jumps back, by up to a day each time that it is asked often enough, and begins years ago if
// FACEGRAD_FAULT_YEARS says so. Only the time of day: what measures durations (performance.now) does not jump, on any machine.
const RealDate = Date;
const years = Number(process.env.FACEGRAD_FAULT_YEARS ?? 0);
let offset = -years * 365 * 86_400_000;
let asked = 0;

function now() {
  if (++asked % 7 === 0) offset -= (asked * 7_919_000) % 86_400_000;
  return RealDate.now() + offset;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given) => Reflect.construct(target, given.length === 0 ? [now()] : given),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
