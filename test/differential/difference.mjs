// Compares the two sides of a transaction.

/** Lines that say where the node's and the reference's results differ; none if they agree. */
export function difference(node, reference) {
  const lines = [];
  const walk = (path, ours, theirs) => {
    if (typeof ours === "object" && typeof theirs === "object" && ours && theirs) {
      for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) walk(`${path}.${key}`, ours[key], theirs[key]);
    } else if (ours !== theirs) {
      lines.push(`${path.slice(1)}: node ${show(ours)}, reference ${show(theirs)}`);
    }
  };
  const fields = ["status", "gasUsed", "logs", "state"];
  // What a creation puts out is the code, which the state has; where it failed, the address was never one.
  const creation = Boolean(node.created || reference.created);
  if (!creation || !reference.status) fields.push("output");
  if (reference.status) fields.push("created");
  for (const field of fields) walk(`.${field}`, node[field], reference[field]);
  if (node.status !== reference.status) lines.push(`node ends with ${node.error}, reference with ${reference.error}`);
  return lines;
}

function show(value) {
  const text = String(value);
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}
