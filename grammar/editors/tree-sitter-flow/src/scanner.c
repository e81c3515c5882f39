// The one token that takes a look ahead: `first` begins a task only in `first 2 of` and `first n of`,
// and is a name like any other elsewhere.

#include "tree_sitter/parser.h"

#include <string.h>

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool is_word(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool skip(TSLexer *lexer, const char *word) {
  for (; *word; word++) {
    if (lexer->lookahead != *word) return false;
    lexer->advance(lexer, false);
  }
  return true;
}

static bool skip_blanks(TSLexer *lexer, bool is_extra) {
  bool found = false;
  for (; is_blank(lexer->lookahead); found = true) lexer->advance(lexer, is_extra);
  return found;
}

static bool skip_count(TSLexer *lexer) {
  bool found = false;
  for (; is_word(lexer->lookahead) || lexer->lookahead == '.'; found = true) lexer->advance(lexer, false);
  return found;
}

bool tree_sitter_flow_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  if (!valid[0]) return false;
  skip_blanks(lexer, true);
  if (!skip(lexer, "first")) return false;
  lexer->mark_end(lexer);
  lexer->result_symbol = 0;
  return skip_blanks(lexer, false) && skip_count(lexer) && skip_blanks(lexer, false) && skip(lexer, "of") &&
         !is_word(lexer->lookahead);
}

void *tree_sitter_flow_external_scanner_create(void) { return NULL; }
void tree_sitter_flow_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_flow_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload, (void)buffer;
  return 0;
}
void tree_sitter_flow_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload, (void)buffer, (void)length;
}
