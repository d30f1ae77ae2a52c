import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const entry = `${root}src/index.ts`;

function openProgram(): ts.Program {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, path => ts.sys.readFile(path)) as { config: unknown };
  return ts.createProgram([entry], ts.parseJsonConfigFileContent(config, ts.sys, root).options);
}

interface Exported {
  /** From the package's door on: `nn.Conv2d.forward`. */
  readonly name: string;
  readonly place: string;
  readonly documentation: string;
}

/** Everything that `import … from 'facegrad'` reaches: exports, those of its namespaces, and members of its classes. */
function exportsOf(program: ts.Program): Exported[] {
  const checker = program.getTypeChecker();
  const seen = new Set<ts.Symbol>();
  const found: Exported[] = [];
  const add = (symbol: ts.Symbol, at: ts.Node, name: string) => {
    const file = at.getSourceFile();
    const line = file.getLineAndCharacterOfPosition(at.getStart()).line + 1;
    const documentation = ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
    found.push({ name, place: `${file.fileName.slice(root.length)}:${line}`, documentation });
  };
  const visit = (exported: ts.Symbol, name: string) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const declaration = symbol.declarations?.[0];
    if (seen.has(symbol) || !declaration) return;
    seen.add(symbol);
    if (ts.isSourceFile(declaration)) {
      for (const one of checker.getExportsOfModule(symbol)) visit(one, `${name}.${one.name}`);
      return;
    }
    add(symbol, declaration, name);
    if (!ts.isClassDeclaration(declaration)) return;
    // What overrides something says nothing new; what is protected is for those who extend the class.
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Override;
    for (const member of declaration.members) {
      if (!member.name || ts.isPrivateIdentifier(member.name)) continue;
      if (ts.getCombinedModifierFlags(member) & hidden) continue;
      const one = checker.getSymbolAtLocation(member.name);
      if (one) add(one, member, `${name}.${one.name}`);
    }
  };
  const door = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  for (const one of checker.getExportsOfModule(door)) visit(one, one.name);
  return found;
}

describe('the public face', () => {
  const found = exportsOf(openProgram());

  it('has a docstring at each of its exports and their members', () => {
    expect(found.length).toBeGreaterThan(500);
    expect(found.filter(({ documentation }) => documentation.length < 10)).toEqual([]);
  });

  it.each([
    ['tensors and autograd', ['Tensor', 'backward', 'noGrad', 'scope', 'manualSeed']],
    ['operations and losses', ['ops.conv2d', 'ops.matmul', 'ops.crossEntropy', 'ops.ShapeError']],
    ['layers and networks', ['nn.Module', 'nn.Conv2d', 'nn.BatchNorm2d', 'nn.modelRegistry', 'nn.summarize']],
    ['optimisers and schedulers', ['SGD', 'Adam', 'AdamW', 'RMSprop', 'schedulers.OneCycleLR']],
    ['data', ['loadDataSet', 'Augmenter', 'foldSplits']],
    ['runs', ['trainRun', 'newOptions', 'RunFolder', 'readRecipe', 'findLearningRate']],
    ['evaluation', ['evaluate', 'assess', 'readTrainedRun', 'metrics.classificationReport']],
    ['weights and files', ['readWeightsFile', 'convertWeights', 'exportOnnx', 'encodeSafeTensors', 'decodePyTorch']],
  ])('offers %s', (_what, names) => {
    expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });
});
