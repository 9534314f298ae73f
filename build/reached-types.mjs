// Of declarations in many modules, those that some of them reach.
import { posix } from 'node:path';
import ts from 'typescript';

const { dirname, join } = posix;

/** By name, the modules whose declarations these texts are. */
export const modulesOf = (texts) =>
  new Map(
    [...texts].map(([name, text]) => [
      name,
      moduleOf(name, ts.createSourceFile(`${name}.d.ts`, text, ts.ScriptTarget.ES2023, true).statements),
    ]),
  );

/** The module that a module names so. */
const named = (from, specifier) => (specifier.startsWith('.') ? join(dirname(from), specifier) : specifier);

const namesOf = (statement) =>
  ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ name }) => name.text)
    : statement.name
      ? [statement.name.text]
      : [];

function moduleOf(own, statements) {
  const module = { declared: new Map(), imported: new Map(), stars: [], again: new Map() };
  for (const statement of statements) {
    const from = statement.moduleSpecifier && named(own, statement.moduleSpecifier.text);
    if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause;
      if (name) module.imported.set(name.text, { from, name: 'default' });
      if (namedBindings && ts.isNamespaceImport(namedBindings)) {
        module.imported.set(namedBindings.name.text, { from, name: '*' });
      } else {
        for (const one of namedBindings?.elements ?? []) {
          module.imported.set(one.name.text, { from, name: (one.propertyName ?? one.name).text });
        }
      }
    } else if (ts.isExportDeclaration(statement)) {
      const { exportClause } = statement;
      if (!exportClause) module.stars.push({ from, types: statement.isTypeOnly });
      else if (ts.isNamespaceExport(exportClause)) module.again.set(exportClause.name.text, { from, name: '*' });
      else {
        for (const one of exportClause.elements) {
          const types = statement.isTypeOnly || one.isTypeOnly;
          module.again.set(one.name.text, { from, name: (one.propertyName ?? one.name).text, types });
        }
      }
    } else {
      for (const name of namesOf(statement)) {
        module.declared.set(name, [...(module.declared.get(name) ?? []), statement]);
      }
    }
  }
  return module;
}

/**
 * What the entries export, with all that it reaches, as modules again; and the names that it takes of the library.
 * `leftOut` says which members of an interface are not there.
 */
export function reached(modules, { entries, library, prefix, leftOut }) {
  const ofLibrary = new Set();
  const kept = new Map([...modules.keys()].map((name) => [name, new Set()]));
  const used = new Map([...modules.keys()].map((name) => [name, new Set()]));
  const seen = new Set();

  const visit = (name, node) => {
    const { declared, imported } = modules.get(name);
    if (ts.isInterfaceDeclaration(node)) {
      node.members.filter((member) => !leftOut(node.name.text, member)).forEach((member) => visit(name, member));
      for (const part of [...(node.heritageClauses ?? []), ...(node.typeParameters ?? [])]) visit(name, part);
      return;
    }
    if (ts.isImportTypeNode(node)) {
      const from = named(name, node.argument.literal.text);
      const first = node.qualifier && (ts.isIdentifier(node.qualifier) ? node.qualifier : node.qualifier.left);
      want(from, first?.text ?? '*');
      node.typeArguments?.forEach((each) => visit(name, each));
      return;
    }
    if (ts.isQualifiedName(node) && ts.isIdentifier(node.left)) {
      const namespace = imported.get(node.left.text);
      if (namespace?.name === '*') {
        used.get(name).add(node.left.text);
        want(namespace.from, node.right.text);
        return;
      }
    }
    if (ts.isIdentifier(node) && !isMember(node)) {
      const { text } = node;
      if (declared.has(text)) want(name, text);
      else if (imported.has(text)) {
        used.get(name).add(text);
        const { from, name: other } = imported.get(text);
        want(from, other);
      }
    }
    ts.forEachChild(node, (child) => visit(name, child));
  };

  const want = (from, name) => {
    if (from === library) {
      ofLibrary.add(name);
      return;
    }
    const module = modules.get(from);
    if (!module) throw new Error(`The types of "${prefix}" would need those of "${from}".`);
    if (seen.has(`${from} ${name}`)) return;
    seen.add(`${from} ${name}`);
    if (name === '*') {
      for (const each of exportedBy(from)) want(from, each);
      return;
    }
    for (const statement of module.declared.get(name) ?? []) {
      kept.get(from).add(statement);
      visit(from, statement);
    }
    const again = module.again.get(name);
    if (again) {
      used.get(from).add(name);
      if (again.from) want(again.from, again.name);
      else if (module.imported.has(again.name)) {
        used.get(from).add(again.name);
        const { from: origin, name: other } = module.imported.get(again.name);
        want(origin, other);
      } else want(from, again.name);
    }
    if (!module.declared.has(name) && !again) {
      for (const star of module.stars) if (exportedBy(star.from).has(name)) want(star.from, name);
    }
  };

  const exports = new Map();
  const exportedBy = (name) => {
    if (!exports.has(name)) {
      const { declared, again, stars } = modules.get(name);
      const own = [...declared].filter(([, [statement]]) =>
        statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
      );
      const all = new Set([
        ...own.map(([each]) => each),
        ...again.keys(),
        ...stars.flatMap((star) => [...exportedBy(star.from)]),
      ]);
      exports.set(name, all);
    }
    return exports.get(name);
  };

  for (const entry of entries) want(entry, '*');
  const text = [...modules]
    .filter(([name]) => kept.get(name).size > 0 || used.get(name).size > 0 || entries.includes(name))
    .map(([name, module]) =>
      moduleText(name, module, { kept: kept.get(name), used: used.get(name), prefix, leftOut, exportedBy, seen }),
    )
    .join('');
  return { text, library: ofLibrary };
}

/** A name that stands for a member: it reaches nothing. */
function isMember(node) {
  const { parent } = node;
  return (
    ((ts.isPropertySignature(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isParameter(parent) ||
      ts.isNamedTupleMember(parent)) &&
      parent.name === node) ||
    (ts.isQualifiedName(parent) && parent.right === node)
  );
}

function moduleText(name, module, { kept, used, prefix, leftOut, seen, exportedBy }) {
  const lines = [];
  for (const [local, { from, name: other }] of module.imported) {
    if (!used.has(local)) continue;
    const what = other === '*' ? `* as ${local}` : `{ ${other === local ? local : `${other} as ${local}`} }`;
    lines.push(`import ${what} from "${prefix}/${from}";`);
  }
  for (const { from, types } of module.stars) {
    if ([...exportedBy(from)].some((each) => seen.has(`${from} ${each}`))) {
      lines.push(`export ${types ? 'type ' : ''}* from "${prefix}/${from}";`);
    }
  }
  for (const [local, { from, name: other, types }] of module.again) {
    if (!used.has(local)) continue;
    const what = other === '*' ? `* as ${local}` : `{ ${other === local ? local : `${other} as ${local}`} }`;
    lines.push(`export ${types ? 'type ' : ''}${what}${from === undefined ? '' : ` from "${prefix}/${from}"`};`);
  }
  for (const statement of kept) lines.push(statementText(statement, leftOut));
  // Without it, all that is declared would be exported.
  lines.push('export {};');
  const body = lines
    .join('\n')
    .replaceAll(/import\("([^"]+)"\)/g, (_, specifier) => `import("${prefix}/${named(name, specifier)}")`);
  return `declare module "${prefix}/${name}" {\n${body}\n}\n`;
}

/** With its comment, without the members that are left out. */
function statementText(statement, leftOut) {
  const { text } = statement.getSourceFile();
  const out = [...(statement.modifiers ?? [])].filter(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword);
  if (ts.isInterfaceDeclaration(statement)) {
    out.push(...statement.members.filter((member) => leftOut(statement.name.text, member)));
  }
  let written = '';
  let at = statement.getFullStart();
  for (const node of out) {
    const isModifier = node.kind === ts.SyntaxKind.DeclareKeyword;
    written += text.slice(at, isModifier ? node.getStart() : node.getFullStart());
    at = isModifier ? node.getEnd() + 1 : node.getEnd();
  }
  return (written + text.slice(at, statement.getEnd())).trim();
}
