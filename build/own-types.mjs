// Types of what a person's own files import as `headscope`: one declaration file, which the extension lays into a workspace.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './setup.mjs';

/** The first words of the file: one that begins otherwise is not overwritten (extension/own/types-folder.ts). */
const mark = '// Types of "headscope", written by the Headscope extension';

/** What kernel files import as `headscope`, and what analysis files do: one module, as both lie in a workspace. */
const entries = ['kernels/own/headscope', 'diagnostics/own/headscope'];

/**
 * The text of headscope.d.ts. TypeScript 5 joins the declarations of all files into one where it writes AMD modules. Those that
 * `headscope` reaches are kept; their names get a prefix, so that they meet none of the workspace.
 */
export function ownTypes() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      composite: false,
      // `tsc` checks the same files.
      noCheck: true,
      module: 'amd',
      moduleResolution: 'node10',
      outFile: 'headscope.js',
      rootDir: root,
      isolatedModules: false,
      verbatimModuleSyntax: false,
    },
    root,
  );
  const program = ts.createProgram(
    entries.map((entry) => join(root, `${entry}.ts`)),
    options,
  );
  let text = '';
  const { diagnostics } = program.emit(undefined, (_name, written) => (text = written), undefined, true);
  if (diagnostics.length > 0 || text === '') {
    throw new Error(`The types of "headscope" could not be written: ${ts.formatDiagnostics(diagnostics, host)}`);
  }
  const modules = new Map(
    text
      .replaceAll("from 'valibot'", 'from "valibot"')
      .split(/^(?=declare module ")/m)
      .map((module) => [/^declare module "([^"]+)"/.exec(module)?.[1] ?? '', module]),
  );
  const wanted = new Set(entries);
  const library = new Set();
  for (const name of wanted) {
    const module = modules.get(name) ?? '';
    for (const [, named] of module.matchAll(/(?:from |import\()"([^"]+)"/g)) {
      if (named === 'valibot') librarys(module).forEach((one) => library.add(one));
      else if (!modules.has(named)) throw new Error(`The types of "headscope" would need those of "${named}".`);
      else wanted.add(named);
    }
  }
  const kept = [...wanted].map((name) =>
    modules.get(name).replaceAll(/(declare module |from |import\()"([^"]+)"/g, '$1"headscope/$2"'),
  );
  const all = entries.map((entry) => `    export * from "headscope/${entry}";\n`).join('');
  return `${mark}. It replaces this file with each version.\n${kept.join('')}${valibotTypes(library)}declare module "headscope" {\n${all}}\n`;
}

/** What a module takes of valibot: as a namespace, by name, or by a type's own import. */
const librarys = (module) => [
  ...[...module.matchAll(/\bv\.(\w+)|import\("valibot"\)\.(\w+)/g)].map(([, a, b]) => a ?? b),
  ...[...module.matchAll(/import (?:type )?\{([^}]*)\} from "valibot"/g)].flatMap(([, list]) =>
    list.split(',').map((one) => one.replace(/^\s*type /, '').trim()),
  ),
];

/** The declarations of valibot that these names reach. */
function valibotTypes(names) {
  const file = createRequire(import.meta.url)
    .resolve('valibot')
    .replace(/\.[cm]?js$/, '.d.mts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const declared = new Map();
  for (const statement of source.statements) {
    const named = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement];
    for (const { name } of named) if (name) declared.set(name.text, [...(declared.get(name.text) ?? []), statement]);
  }
  const wanted = new Set(names);
  const kept = new Set();
  for (const name of wanted) {
    for (const statement of declared.get(name) ?? []) {
      kept.add(statement);
      const visit = (node) => {
        if (ts.isIdentifier(node)) wanted.add(node.text);
        ts.forEachChild(node, visit);
      };
      visit(statement);
    }
  }
  const text = [...kept].map((statement) =>
    statement
      .getText()
      .replace(/^declare /, 'export ')
      .replace(/^(?!export )/, 'export '),
  );
  return `declare module "headscope/valibot" {\n${text.join('\n')}\n}\n`;
}

const host = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => '\n',
};
