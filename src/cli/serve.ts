import { Command, Option } from 'commander';
import type { ModelOverrides } from '../serve/models.js';
import type { Serving } from '../serve/server.js';
import type { Trained } from '../evaluate/trained.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { parseClasses } from './classes.js';
import { exitCodes } from './errors.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  integer,
  jsonDescription,
  precisionOption,
  type GpuOptions,
} from './options.js';
import { serveLines } from './report/serve.js';
import { Interruption } from './signals.js';
import { addWeightsOptions, readTrained, weightsDescription, type TrainedFlags } from './trained-options.js';
import { packageVersion } from './version.js';

const DEFAULT_PORT = 8484;
/** Where runs lie that nobody has put elsewhere. */
const ROOT = 'runs';

/** A run or a weights file, and which of all that were given it is. */
interface Source {
  readonly place: number;
  readonly path: string;
}

interface Flags extends GpuOptions, Omit<TrainedFlags, 'run' | 'weights'> {
  run?: Source[];
  weights?: Source[];
  classes?: number | string[];
  mean?: number[];
  std?: number[];
  precision?: Precision;
  port: number;
  host?: string;
  open?: true;
  json?: true;
}

export function serveCommand(exitWith: (code: number) => void): Command {
  let places = 0;
  const source = (path: string, before: readonly Source[] = []): Source[] => [...before, { place: places++, path }];
  const command = new Command('serve')
    .summary('serve a page that classifies pictures and the camera, and an API')
    .description(
      'Serve networks to a page, which classifies pictures and the camera on the GPU of whoever opens it, and to programs by an ' +
        'API. Without --run and --weights it is the latest run below runs/ that has finished. What is told is how a face looks, ' +
        'not how somebody feels.',
    )
    .addOption(
      new Option('--run <folder...>', 'runs of facegrad train; their best weights are taken').argParser(source),
    );
  addWeightsOptions(command, new Option('--weights <file...>', weightsDescription).argParser(source)).option(
    '--classes <names>',
    'names of the classes, between commas, where the weights do not tell them',
    parseClasses,
  );
  addNormalisationOptions(command, "the weights' own")
    .addOption(precisionOption('that of the run, else f32'))
    .option('--port <n>', '0: one that is free', integer(0, 65_535), DEFAULT_PORT)
    .option(
      '--host <address>',
      'listen here, so that other machines reach it too; they need the token that is printed (default: 127.0.0.1)',
    )
    .option('--open', 'open the page in the browser')
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Ctrl-C ends it.

Examples:
  facegrad serve --run runs/a --open
  facegrad serve --run runs/a runs/b --weights best.safetensors --port 9000
  facegrad serve --run runs/a --host 0.0.0.0`,
  );
  return command.action(async (flags: Flags) => {
    exitWith(await runServer(flags));
  });
}

/** Gives the exit code. */
async function runServer(flags: Flags): Promise<number> {
  const { host, port, adapter, backend, precision, json } = flags;
  const networks = await readNetworks(flags);
  const { prepareModels } = await import('../serve/models.js');
  const { serve } = await import('../serve/server.js');
  const { isLoopback } = await import('../serve/guard.js');
  const models = await prepareModels(networks);
  const note = (text: string) => {
    console.error(`facegrad: ${text}`);
  };
  const interruption = new Interruption(() => {
    console.error('\nfacegrad: stopping');
  });
  try {
    const serving = await serve({
      ...{ models, host, port, version: packageVersion(), adapter, backend, precision },
      onNote: note,
      onFault: error => {
        const { message, stack } = error as Error;
        note((process.env.FACEGRAD_DEBUG === '1' ? stack : undefined) ?? message);
      },
    });
    try {
      if (host !== undefined && !isLoopback(host)) {
        note(
          `warning: other machines reach this server, by plain http: whoever has the address with its token may ask the ` +
            'networks and take their weights, and pictures travel in the clear',
        );
      }
      const { url, token } = serving;
      if (json) console.log(JSON.stringify({ url, ...(token === undefined ? {} : { token }), models: serving.models }));
      else console.log(serveLines(serving).join('\n'));
      if (flags.open) await openPage(serving, note);
      await ended(interruption.signal);
    } finally {
      await serving.close();
    }
  } finally {
    interruption.dispose();
  }
  return interruption.exitCode ?? exitCodes.success;
}

/** What is to be served, in the order in which it was given. */
async function readNetworks(flags: Flags): Promise<{ trained: Trained; overrides: ModelOverrides }[]> {
  const { run = [], weights = [], classes, mean, std, model, inputSize, se, activation } = flags;
  if (typeof classes === 'number') throw new UserError('--classes: give the names of the classes, between commas');
  const overrides: ModelOverrides = { classes, mean, std };
  const choice: TrainedFlags = {
    ...(model === undefined ? {} : { model }),
    ...(inputSize === undefined ? {} : { inputSize }),
    ...(se ? { se } : {}),
    ...(activation === undefined ? {} : { activation }),
  };
  const given = [
    ...run.map(({ place, path }) => ({ place, flags: weights.length > 0 ? { run: path } : { ...choice, run: path } })),
    ...weights.map(({ place, path }) => ({ place, flags: { ...choice, weights: path } })),
  ].sort((a, b) => a.place - b.place);
  if (given.length === 0) given.push({ place: 0, flags: { ...choice, run: await latestRun() } });
  const networks: { trained: Trained; overrides: ModelOverrides }[] = [];
  for (const { flags: own } of given) networks.push({ trained: await readTrained(own, 'serve'), overrides });
  return networks;
}

/** What somebody has most likely in mind who names no run: the one that has finished last. */
async function latestRun(): Promise<string> {
  const { findRuns } = await import('../train/catalogue/index.js');
  const { kindOf } = await import('../train/files.js');
  const { runs } = (await kindOf(ROOT)) === 'folder' ? await findRuns([ROOT]) : { runs: [] };
  const latest = runs
    .filter(({ state, best }) => state === 'finished' && best)
    .reduce<(typeof runs)[number] | undefined>(
      (last, one) => (last && last.config.created >= one.config.created ? last : one),
      undefined,
    );
  if (!latest) {
    throw new UserError(`serve needs --run <folder>, or --weights <file>: there is no finished run below ${ROOT}/`);
  }
  console.error(`facegrad: the latest finished run is ${latest.path}; --run names others`);
  return latest.path;
}

async function openPage({ url }: Serving, note: (text: string) => void): Promise<void> {
  const { default: open } = await import('open');
  const fail = (why: string) => {
    note(`no browser could be opened (${why}): open the address yourself`);
  };
  try {
    const browser = await open(url);
    browser.on('error', error => {
      fail(error.message);
    });
    browser.on('exit', code => {
      if (code !== null && code !== 0) fail(`exit code ${code}`);
    });
  } catch (error) {
    fail((error as Error).message);
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener('abort', () => {
        resolve();
      });
  });
}
