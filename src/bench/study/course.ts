import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../util/errors.js';
import { compareFile, type CompareOptions, type Comparison } from './compare.js';
import type { Race } from './race.js';
import { sizesOf, targets, type Target } from './targets.js';

/** Where the package keeps the course, seen from this file and from its compiled form alike. */
const COURSE = new URL('../../../docs/shaders/', import.meta.url);

/** A shader on the way to ours. */
export interface CourseStep {
  /** What the chapter's table calls it: `1`, `input 1`. */
  readonly label: string;
  readonly idea: string;
  /** Relative to docs/shaders. */
  readonly file: string;
  readonly target: Target;
}

export interface Chapter {
  readonly title: string;
  readonly steps: readonly CourseStep[];
  /** The idea of our own kernel. */
  readonly ours: string;
}

/** A step with what came of it. */
export interface MeasuredStep extends CourseStep {
  readonly race: Race;
}

export interface MeasuredChapter extends Chapter {
  readonly steps: readonly MeasuredStep[];
  readonly adapter: string;
}

/**
 * The chapters of docs/shaders in their order, with the rows of their tables; with `kernels`, only the steps to these.
 * @throws UserError where a kernel has no steps
 */
export function readCourse(kernels: readonly string[] = []): Chapter[] {
  const all = [...read('README.md').matchAll(/^\d+\. \[(.+?)\]\((.+?\.md)\)$/gm)].map(([, title, file]) => {
    const rows = [...read(file!).matchAll(/^\| (?:\[(.+?)\]\((.+?)\)|ours) *\| (.+?) *\|/gm)];
    const steps = rows.flatMap(([, label, path, idea]) =>
      label === undefined ? [] : [{ label, idea: idea!, file: path!, target: targetOf(path!) }],
    );
    return { title: title!, steps, ours: rows.find(([, label]) => label === undefined)![3]! };
  });
  const names = all.flatMap(({ steps }) => steps.map(({ target }) => target.name));
  const unknown = kernels.find(name => !names.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`the course has no steps to '${unknown}'; it has some to ${[...new Set(names)].join(', ')}`);
  }
  if (kernels.length === 0) return all;
  const wanted = all.map(chapter => ({
    ...chapter,
    steps: chapter.steps.filter(({ target }) => kernels.includes(target.name)),
  }));
  return wanted.filter(({ steps }) => steps.length > 0);
}

/** Races each step of a chapter against our kernel at its default sizes, one after the other. */
export async function measureChapter(
  chapter: Chapter,
  options: Omit<CompareOptions, 'file' | 'work'> & { readonly onStep?: (step: CourseStep) => void },
): Promise<MeasuredChapter> {
  const { onStep, ...rest } = options;
  const steps: MeasuredStep[] = [];
  let adapter = '';
  for (const step of chapter.steps) {
    onStep?.(step);
    const work = step.target.work(sizesOf(step.target, undefined));
    const result: Comparison = await compareFile({ ...rest, file: fileURLToPath(new URL(step.file, COURSE)), work });
    steps.push({ ...step, race: result.race! });
    ({ adapter } = result);
  }
  return { ...chapter, steps, adapter };
}

/** `steps/matmul_nn/1-naive.wgsl` is on the way to matmul_nn. */
function targetOf(path: string): Target {
  return targets.find(({ name }) => path.split('/')[1] === name)!;
}

function read(name: string): string {
  const file = new URL(name, COURSE);
  if (!existsSync(file)) throw new Error(`${fileURLToPath(file)} is missing: the course is not in this package`);
  return readFileSync(file, 'utf8');
}
