import { measureChapter, readCourse, type MeasuredChapter, type MeasuredStep } from '../../bench/study/course.js';
import type { Figures } from '../../bench/measure.js';
import { formatSizes } from '../../bench/study/targets.js';
import type { GpuOptions } from '../options.js';
import { Interruption } from '../signals.js';
import { StatusLine } from '../status-line.js';

export interface CourseFlags extends GpuOptions {
  budget: number;
  portable?: true;
  json?: true;
}

/** `facegrad kernels course`: gives the exit code where it was interrupted. */
export async function runCourse(kernels: readonly string[], flags: CourseFlags): Promise<number | undefined> {
  const { adapter, backend, budget, portable, json } = flags;
  const chapters = readCourse(kernels);
  const interruption = new Interruption(() => undefined);
  const { signal } = interruption;
  const status = new StatusLine();
  const count = chapters.reduce((sum, { steps }) => sum + steps.length, 0);
  const done: MeasuredChapter[] = [];
  let begun = 0;
  try {
    for (const chapter of chapters) {
      const measured = await measureChapter(chapter, {
        ...{ seconds: budget, signal, adapter, backend, ...(portable && { subgroups: false }) },
        onStep: ({ file }) => {
          status.update(file, begun++ / count);
        },
      });
      status.clear();
      if (!json) console.log(chapterLines(measured, done.length === 0).join('\n'));
      done.push(measured);
    }
    if (json) console.log(JSON.stringify({ adapter: done[0]!.adapter, chapters: done.map(plain) }, null, 2));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    status.clear();
    interruption.dispose();
  }
  return interruption.exitCode;
}

/** The table as the chapter has it. */
function chapterLines({ title, steps, ours, adapter }: MeasuredChapter, first: boolean): string[] {
  const shapes = new Set(steps.map(({ target }) => `${target.name} of ${formatSizes(target.sizes)}`));
  const kernels = [...new Set(steps.map(({ target }) => target.name))];
  // Each step races ours anew: the one in the middle.
  const reached = kernels.map(name => {
    const races = steps.filter(({ target }) => target.name === name).map(({ race }) => race.ours);
    return rateText(races.sort((a, b) => a.rate - b.rate)[Math.floor(races.length / 2)]!);
  });
  return [
    ...(first ? [`adapter: ${adapter}`] : []),
    '',
    `# ${title}`,
    '',
    [...shapes].join('; '),
    '',
    '| step | idea | speed | reached |',
    '| ---- | ---- | ----: | ------: |',
    ...steps.map(
      step => `| [${step.label}](${step.file}) | ${step.idea} | ${speedText(step)} | ${rateText(step.race.theirs)} |`,
    ),
    `| ours | ${ours} | 1 | ${reached.join(', ')} |`,
  ];
}

/** `0.083 (0.081 to 0.086)`: the median, and where the middle half of the rounds lies. */
function speedText({ race: { speed } }: MeasuredStep): string {
  const two = (value: number) => value.toPrecision(2);
  return `${two(speed.median)} (${two(speed.low)} to ${two(speed.high)})`;
}

function rateText({ rate, unit }: Figures): string {
  return `${rate >= 100 ? Math.round(rate).toLocaleString('en-US') : rate.toPrecision(2)} ${unit}`;
}

function plain({ title, steps }: MeasuredChapter) {
  return {
    title,
    steps: steps.map(({ label, idea, file, target, race }) => {
      return { kernel: target.name, sizes: target.sizes, label, idea, file, race };
    }),
  };
}
