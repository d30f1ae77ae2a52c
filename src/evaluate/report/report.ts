import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import * as z from 'zod';
import { htmlPage, type Section } from '../../plots/index.js';
import { createFolder, writeFileAtomic } from '../../train/files.js';
import { readText } from '../../train/json-file.js';
import type { BootstrapOptions } from '../metrics/bootstrap.js';
import { comparisonSections } from './comparison.js';
import { figureFiles, type Figure } from './figures.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { runSections } from './sections.js';

/** A report: one page, and its figures by the names of their files. */
export interface Report {
  readonly html: string;
  readonly figures: readonly Figure[];
}

/** A run that was asked for and could not be evaluated. */
export interface FailedRun {
  readonly run: string;
  readonly reason: string;
}

/**
 * The report of one run, or of several side by side and then one by one, with what became of those that are missing;
 * `bootstrap` is of the differences between them.
 */
export async function makeReport(
  materials: readonly RunMaterial[],
  bootstrap: BootstrapOptions = {},
  failed: readonly FailedRun[] = [],
): Promise<Report> {
  const names = shortNames(materials.map(({ name }) => name));
  const several = materials.length > 1;
  const sections: ReportSection[] = failed.length > 0 ? [failedSection(failed)] : [];
  if (several) sections.push(...(await comparisonSections(materials, names, bootstrap)));
  for (const [i, material] of materials.entries()) {
    const own = await runSections(material);
    sections.push(...(several ? own.map(section => named(section, names[i]!)) : own));
  }
  const created = new Date().toISOString().slice(0, 10);
  const pages = sections.map(({ figures = [], ...section }): Section => ({
    ...section,
    figures: figures.map(({ svg }) => svg),
  }));
  return {
    html: htmlPage(titleOf(materials, names), `A report of facegrad, ${created}.`, pages),
    figures: sections.flatMap(({ figures = [] }) => figures),
  };
}

function titleOf(materials: readonly RunMaterial[], names: readonly string[]): string {
  if (materials.length > 1) return `${materials.length} runs compared`;
  const { model } = materials[0]!.config.options;
  return model === names[0] ? model : `${model}: ${names[0]!}`;
}

function failedSection(failed: readonly FailedRun[]): ReportSection {
  return {
    heading: 'Not in this report',
    text: `${failed.length === 1 ? 'A run' : `${failed.length} runs`} could not be evaluated.`,
    table: [['run', 'why'], ...failed.map(({ run, reason }) => [run, reason])],
  };
}

const FILE = 'report.json';
const EXTENSIONS = ['svg', 'png'];
/** Of an earlier report: what is needed to know its figures. A figure's name is no path. */
const earlierSchema = z.object({ figures: z.array(z.string().refine(name => basename(name) === name)) });

/**
 * Writes `report.html`, `report.json` and the figures, as SVG and PNG, below `figures/`. Figures of an earlier report in this
 * folder that are not part of this one go; whatever else lies there stays.
 */
export async function writeReport(
  folder: string,
  report: Report,
  materials: readonly RunMaterial[],
  failed: readonly FailedRun[] = [],
): Promise<string> {
  const old = await earlierFigures(folder);
  const figures = report.figures.map(({ name }) => name);
  await createFolder(resolve(folder, 'figures'));
  for (const [name, content] of figureFiles(report.figures))
    await writeFileAtomic(join(folder, 'figures', name), content);
  for (const name of old.filter(name => !figures.includes(name))) {
    for (const extension of EXTENSIONS) await rm(join(folder, 'figures', `${name}.${extension}`), { force: true });
  }
  const runs = materials.map(({ name, assessment, cost }) => ({ run: name, ...assessment, cost }));
  await writeFileAtomic(join(folder, FILE), `${JSON.stringify({ figures, failed, runs })}\n`);
  const page = join(folder, 'report.html');
  await writeFileAtomic(page, report.html);
  return page;
}

/** The figures of the report that lies in `folder`; none where there is no report, or one that does not say. */
async function earlierFigures(folder: string): Promise<readonly string[]> {
  const text = await readText(join(folder, FILE));
  if (text === undefined) return [];
  try {
    const { data } = earlierSchema.safeParse(JSON.parse(text));
    return data?.figures ?? [];
  } catch {
    // Not JSON, so no report of ours.
    return [];
  }
}

function named(section: ReportSection, run: string): ReportSection {
  const figures = section.figures?.map(({ name, svg }) => ({ name: `${run}-${name}`, svg }));
  return { ...section, group: run, ...(figures ? { figures } : {}) };
}

/** The last parts of paths, numbered where they are the same. */
function shortNames(paths: readonly string[]): string[] {
  const names = paths.map(path => basename(resolve(path)));
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name}-${i + 1}`));
}
