export { CosineAnnealingLR, CosineAnnealingWarmRestarts, ExponentialLR, MultiStepLR, StepLR } from './decay.js';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.js';
export {
  createSchedule,
  parseScheduler,
  parseWarmup,
  resolveScheduler,
  schedulerNames,
  type RunLength,
  type Watched,
} from './options.js';
export { ReduceLROnPlateau, type PlateauOptions } from './plateau.js';
export { Schedule, type Per, type WarmupOptions } from './schedule.js';
export type { ScheduledGroup, Scheduler, SchedulerState } from './scheduler.js';
