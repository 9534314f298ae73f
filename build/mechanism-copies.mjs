// Every mechanism of the catalogue as the text of a kernel file: its own file and those of its folder in one, everything else from `headscope`.
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { root } from './setup.mjs';

const kernels = join(root, 'kernels');
const parsed = (file) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
const fileOf = (from, specifier) => `${join(dirname(from), specifier)}.ts`;

/** What `headscope` gives, by file: every name, or those of a list; and the name of a whole file, as `field`. */
function given() {
  const file = join(kernels, 'own', 'headscope.ts');
  const whole = new Set();
  const names = new Map();
  const spaces = new Map();
  for (const statement of parsed(file).statements) {
    const from = fileOf(file, statement.moduleSpecifier.text);
    const clause = statement.exportClause;
    if (clause === undefined) whole.add(from);
    else if (ts.isNamespaceExport(clause)) spaces.set(from, clause.name.text);
    else names.set(from, new Set(clause.elements.map(({ name }) => name.text)));
  }
  return { whole, names, spaces };
}

/** Names that a statement declares. */
function declared(statement) {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.text);
  return statement.name ? [statement.name.text] : [];
}

const isExported = (statement) =>
  statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;

/** Identifiers that stand for something of the file: no names of properties. */
function identifiers(statement) {
  const found = [];
  const visit = (node) => {
    const { parent } = node;
    const isMember =
      (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) &&
      parent.name === node;
    if (ts.isIdentifier(node) && !isMember) found.push(node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(statement, visit);
  return found;
}

/** Throws an Error that says why it cannot be copied. */
function copied(file, exported) {
  const { whole, names, spaces } = given();
  /** By the name in the copy: what `headscope` calls it, of which of its files it is, and whether only its type is used. */
  const imports = new Map();
  /** Names that a file has in the copy, by path and name in the file. */
  const renamed = new Map();
  const declarations = [];
  const seen = new Set();
  const take = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = parsed(path);
    for (const statement of source.statements) {
      if (!ts.isImportDeclaration(statement)) continue;
      const target = fileOf(path, statement.moduleSpecifier.text);
      const { namedBindings, isTypeOnly } = statement.importClause;
      if (ts.isNamespaceImport(namedBindings)) {
        const space = namedBindings.name.text;
        if (spaces.get(target) !== space) throw new Error(`"headscope" has no "${space}".`);
        imports.set(space, { name: space, target, isType: false });
        continue;
      }
      const wanted = namedBindings.elements.map(({ propertyName, name, isTypeOnly: isType }) => ({
        name: (propertyName ?? name).text,
        as: name.text,
        isType: isTypeOnly || isType,
      }));
      const space = spaces.get(target);
      if (wanted.every(({ name }) => space ?? (whole.has(target) || names.get(target)?.has(name) === true))) {
        for (const { name, as, isType } of wanted) {
          const other = imports.get(as);
          const free = other === undefined || (other.target === target && other.name === name);
          const inCopy = free ? as : `${as}Of${capital(basename(target, '.ts').replaceAll(/\W/g, ''))}`;
          if (!free) renamed.set(`${path} ${as}`, inCopy);
          imports.set(inCopy, { name, target, space, isType: isType && (imports.get(inCopy)?.isType ?? true) });
        }
      } else if (target.startsWith(join(kernels, 'mechanisms')) && wanted.every(({ name, as }) => name === as)) {
        take(target);
      } else {
        throw new Error(`"headscope" does not give what it takes from ${relative(root, target)}.`);
      }
    }
    for (const statement of source.statements) {
      if (ts.isImportDeclaration(statement)) continue;
      declarations.push({ path, statement, names: declared(statement), used: identifiers(statement) });
    }
  };
  take(file);

  const wanted = new Set([exported]);
  for (const name of wanted) {
    for (const { path, used } of declarations.filter((one) => one.names.includes(name))) {
      for (const { text } of used) wanted.add(renamed.get(`${path} ${text}`) ?? text);
    }
  }
  const kept = declarations.filter((one) => one.names.some((name) => wanted.has(name)));
  const needed = [...imports].filter(([name]) => wanted.has(name));

  /** What a file keeps for itself gets another name where that is taken: of a whole copy each name is declared once. */
  const taken = new Set(needed.map(([name]) => name));
  for (const { path, statement, names: own } of kept.toReversed()) {
    for (const name of own) {
      if (!taken.has(name)) taken.add(name);
      else if (isExported(statement)) throw new Error(`Two of its files have something that is called ${name}.`);
      else renamed.set(`${path} ${name}`, `${basename(path, '.ts').replaceAll(/\W/g, '')}${capital(name)}`);
    }
  }
  const bodies = kept.map(({ path, statement, used }) => {
    let text = statement.getFullText().trim();
    const start = statement.end - text.length;
    for (const node of used.toReversed()) {
      const name = renamed.get(`${path} ${node.text}`);
      if (name === undefined) continue;
      const said = ts.isShorthandPropertyAssignment(node.parent) ? `${node.text}: ${name}` : name;
      text = text.slice(0, node.getStart() - start) + said + text.slice(node.end - start);
    }
    return path === file ? text : text.replace(/^export (?=const|function|interface|type|class)/m, '');
  });
  const spaced = needed.filter(([, { space }]) => space !== undefined);
  const named = new Map([
    ...needed.filter(([, { space }]) => space === undefined),
    ...spaced.map(([, { space }]) => [space, { name: space, isType: false }]),
  ]);
  const list = [...named]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([as, { name, isType }]) => `  ${isType ? 'type ' : ''}${name}${as === name ? '' : ` as ${as}`},\n`);
  const aliases = spaced.map(([as, { space, name }]) => `const ${as} = ${space}.${name};`);
  const parts = [`import {\n${list.join('')}} from 'headscope';`, aliases.join('\n'), ...bodies];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n\nexport default ${exported};\n`;
}

const capital = (name) => `${name[0].toUpperCase()}${name.slice(1)}`;

/** By id: the text, or why it cannot be copied. */
export function mechanismCopies() {
  const catalogue = parsed(join(kernels, 'catalogue.ts'));
  const copies = {};
  for (const statement of catalogue.statements) {
    if (!ts.isImportDeclaration(statement) || !statement.moduleSpecifier.text.startsWith('./mechanisms/')) continue;
    const file = fileOf(join(kernels, 'catalogue.ts'), statement.moduleSpecifier.text);
    for (const { name } of statement.importClause.namedBindings.elements) {
      const text = readFileSync(file, 'utf8');
      const id = /\bid: '([^']+)'/.exec(text.slice(text.indexOf(`export const ${name.text}`)))?.[1];
      if (id === undefined) throw new Error(`${relative(root, file)} has no id.`);
      try {
        copies[id] = { file: relative(root, file), text: copied(file, name.text) };
      } catch (error) {
        copies[id] = { file: relative(root, file), why: error.message };
      }
    }
  }
  return copies;
}
