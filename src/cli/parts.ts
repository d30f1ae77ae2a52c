/** Set in processes that a command has started as parts of itself. Others may have a channel, too: that of whoever runs commands. */
const PART = 'FACEGRAD_PART';

/** The environment of a process that is a part of this command, which has a channel to it. */
export function environmentOfPart(): NodeJS.ProcessEnv {
  return { ...process.env, [PART]: '1' };
}

/** Aborted when the process is gone that has started this one as a part of itself; never where none has. */
export function stopWithParent(): AbortSignal {
  const controller = new AbortController();
  if (process.env[PART] === undefined || !process.send) return controller.signal;
  // It may have gone already.
  if (!process.connected) controller.abort();
  process.once('disconnect', () => {
    controller.abort();
  });
  // The channel keeps nobody waiting.
  process.channel?.unref();
  return controller.signal;
}
