import { basename, join, resolve } from 'node:path';
import { htmlPage, type Section } from '../../plots/index.js';
import { createFolder, writeFileAtomic } from '../../train/files.js';
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

/** The report of one run, or of several side by side and then one by one; `bootstrap` is of the differences between them. */
export async function makeReport(materials: readonly RunMaterial[], bootstrap: BootstrapOptions = {}): Promise<Report> {
  const names = shortNames(materials.map(({ name }) => name));
  const several = materials.length > 1;
  const sections: ReportSection[] = several ? await comparisonSections(materials, names, bootstrap) : [];
  for (const [i, material] of materials.entries()) {
    const own = await runSections(material);
    sections.push(...(several ? own.map(section => named(section, names[i]!)) : own));
  }
  const title = several ? `${materials.length} runs compared` : `${materials[0]!.config.options.model}: ${names[0]!}`;
  const created = new Date().toISOString().slice(0, 10);
  const pages = sections.map(({ figures = [], ...section }): Section => ({
    ...section,
    figures: figures.map(({ svg }) => svg),
  }));
  return {
    html: htmlPage(title, `A report of facegrad, ${created}.`, pages),
    figures: sections.flatMap(({ figures = [] }) => figures),
  };
}

/** Writes `report.html`, `report.json` and the figures, as SVG and PNG, below `figures/`. */
export async function writeReport(folder: string, report: Report, materials: readonly RunMaterial[]): Promise<string> {
  await createFolder(resolve(folder, 'figures'));
  for (const [name, content] of figureFiles(report.figures))
    await writeFileAtomic(join(folder, 'figures', name), content);
  const assessments = materials.map(({ name, assessment, cost }) => ({ run: name, ...assessment, cost }));
  await writeFileAtomic(join(folder, 'report.json'), `${JSON.stringify(assessments)}\n`);
  const page = join(folder, 'report.html');
  await writeFileAtomic(page, report.html);
  return page;
}

function named(section: ReportSection, run: string): ReportSection {
  const figures = section.figures?.map(({ name, svg }) => ({ name: `${run}-${name}`, svg }));
  return { ...section, heading: `${run}: ${section.heading}`, ...(figures ? { figures } : {}) };
}

/** The last parts of paths, numbered where they are the same. */
function shortNames(paths: readonly string[]): string[] {
  const names = paths.map(path => basename(resolve(path)));
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name}-${i + 1}`));
}
