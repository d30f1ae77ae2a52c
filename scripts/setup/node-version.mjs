/**
 * What a Node version lacks. `fault` stops the set-up; `warning` names the tools that ask for more than facegrad does.
 *
 * @param {string} version as `process.versions.node` gives it
 * @returns {{ fault?: string, warning?: string }}
 */
export function checkNodeVersion(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20)
    return { fault: `facegrad needs Node 20 or newer (20.19 to run its tests); this is Node ${version}.` };
  const testable = (major === 20 && minor >= 19) || (major === 22 && minor >= 13) || major >= 24;
  if (testable) return {};
  return {
    warning: `facegrad runs on Node ${version}, but vite and eslint ask for 20.19, 22.13 or 24: \`npm test\` and \`npm run check\` may fail.`,
  };
}
