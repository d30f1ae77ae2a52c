import { join } from 'node:path';
import { Command } from 'commander';
import { jsonDescription } from '../options.js';

/** Commands that look at a study that was begun. */

interface Flags {
  name?: string;
  out?: string;
  csv?: true;
  json?: true;
}

const studyDescription = "the study's folder, or a journal, also one of Optuna's";
const nameDescription = 'which study, where the journal has several';

export function bestCommand(): Command {
  return new Command('best')
    .summary('write the recipe of the best trial')
    .description(
      'Write the recipe of the best trial so far, every default written out, for `facegrad train --recipe`. Fields that were set ' +
        'for the study alone, such as --limit, are in it too: `train --set data.limit=null` takes one away.',
    )
    .argument('<study>', studyDescription)
    .option('--name <study>', nameDescription)
    .option('--out <file>', 'the recipe (default: standard output)')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad tune best studies/system-b --out tuned.yaml
  facegrad tune best shared.log --name second --json`,
    )
    .action(async (path: string, { name, out, json }: Flags) => {
      const { bestRecipe, openSavedStudy } = await import('../../train/study/saved.js');
      const study = await openSavedStudy(path, name);
      const { text, trial } = bestRecipe(study);
      if (out !== undefined) {
        const { writeFileAtomic } = await import('../../train/files.js');
        await writeFileAtomic(out, text);
      }
      const { trialRow } = await import('../../train/study/table.js');
      const row = trialRow(trial);
      if (json) {
        console.log(JSON.stringify({ ...row, recipe: text }));
      } else if (out === undefined) {
        console.log(text.trimEnd());
      } else {
        const { valuesText } = await import('../report/study.js');
        console.log(`trial ${trial.number}, ${trial.value.toPrecision(5)}: ${valuesText(row)}`);
        console.log(`${out}: train it with facegrad train --recipe ${out}`);
      }
    });
}

export function listCommand(): Command {
  return new Command('list')
    .summary('list the trials of a study')
    .argument('<study>', studyDescription)
    .option('--name <study>', nameDescription)
    .option('--csv', 'as CSV')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad tune list studies/system-b
  facegrad tune list studies/system-b --csv > trials.csv`,
    )
    .action(async (path: string, { name, csv, json }: Flags) => {
      const { openSavedStudy } = await import('../../train/study/saved.js');
      const { trialRow, trialsCsv } = await import('../../train/study/table.js');
      const study = await openSavedStudy(path, name);
      const rows = study.trials.map(trialRow);
      if (json) {
        console.log(JSON.stringify(rows));
      } else if (csv) {
        process.stdout.write(trialsCsv(study));
      } else {
        const { trialTable } = await import('../report/study.js');
        console.log(trialTable(rows).join('\n'));
      }
    });
}

export function reportCommand(): Command {
  return new Command('report')
    .summary('draw a study: history, values, importance')
    .description(
      "Draw a study as report.html, and each of its figures as SVG and PNG: the trials' values in order, the fields' values of each " +
        'trial as parallel coordinates, and how much each field matters (PED-ANOVA); and the trials as CSV.',
    )
    .argument('<study>', studyDescription)
    .option('--name <study>', nameDescription)
    .option('--out <folder>', "where the files go (default: report in the study's folder)")
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad tune report studies/system-b
  facegrad tune report optuna.log --name mine --out report`,
    )
    .action(async (path: string, { name, out, json }: Flags) => {
      const { homeOf, openSavedStudy } = await import('../../train/study/saved.js');
      const { studyReport } = await import('../../train/study/report.js');
      const { importances } = await import('../../train/study/importance.js');
      const { createFolder, writeFileAtomic } = await import('../../train/files.js');
      const study = await openSavedStudy(path, name);
      const files = await studyReport(study);
      const folder = out ?? join(await homeOf(path), 'report');
      await createFolder(folder);
      for (const [file, content] of files) await writeFileAtomic(join(folder, file), content);
      const shares = importances(study.trials, study.directions[0] ?? 'minimize');
      if (json) {
        console.log(
          JSON.stringify({
            importances: Object.fromEntries(shares),
            files: [...files.keys()].map(file => join(folder, file)),
          }),
        );
        return;
      }
      const { columns, percent } = await import('../report/format.js');
      console.log(
        columns(
          [['field', 'importance'], ...Array.from(shares, ([field, share]) => [field, percent(share)])],
          'lr',
        ).join('\n'),
      );
      console.log(`report: ${join(folder, 'report.html')}`);
    });
}
