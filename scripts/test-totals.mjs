// Judges a vitest run from its JSON report: `node scripts/test-totals.mjs <report.json> <vitest's exit code>`. The last line
// printed is `N passed, N failed`; the exit code is 0 only where tests ran, none failed and none was left out.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * The parts of vitest's JSON report that are read here.
 *
 * @typedef {{ status: string, fullName: string }} Assertion
 * @typedef {{ name: string, status: string, message?: string, assertionResults: Assertion[] }} TestFile
 * @typedef {{ numPassedTests: number, numFailedTests: number, testResults: TestFile[] }} Report
 */

const [path = '', exitCode = ''] = process.argv.slice(2);
process.exitCode = judge();

/** @returns {number} the exit code */
function judge() {
  /** @type {Report} */
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.error(`vitest ended with code ${exitCode || 'unknown'} before it wrote its report: there are no totals.`);
    return 1;
  }
  const faults = [];

  // A file that cannot be loaded has no tests to count; it is a failure all the same.
  const unloaded = report.testResults.filter(f => f.status === 'failed' && !f.assertionResults.some(isFailed));
  for (const file of unloaded)
    faults.push(`${relative('.', file.name)} did not run: ${file.message ?? 'no reason given'}`);

  for (const file of report.testResults) {
    const leftOut = file.assertionResults.filter(test => test.status !== 'passed' && !isFailed(test));
    for (const test of leftOut)
      faults.push(`${relative('.', file.name)}: "${test.fullName}" is ${test.status}; no test may be left out`);
  }

  const failed = report.numFailedTests + unloaded.length;
  if (report.numPassedTests + failed === 0) faults.push('no test ran');
  if (exitCode !== '0' && failed === 0)
    faults.push(`vitest ended with code ${exitCode || 'unknown'} although no test failed`);

  for (const fault of faults) console.error(fault);
  console.log(`${report.numPassedTests} passed, ${failed} failed`);
  return failed === 0 && faults.length === 0 ? 0 : 1;
}

/** @param {Assertion} test */
function isFailed(test) {
  return test.status === 'failed';
}
